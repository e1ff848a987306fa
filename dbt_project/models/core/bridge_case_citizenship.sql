select distinct
    case_key,
    citizenship
from {{ ref('int_citizenship') }}
where citizenship is not null
order by case_key, citizenship
