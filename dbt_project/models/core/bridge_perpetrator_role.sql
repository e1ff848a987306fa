select distinct
    case_key,
    cast(perpetrator_number as integer) as perpetrator_number,
    role
from {{ ref('int_perpetrator') }}
where role not in ('unknown', 'not_asked')
order by case_key, perpetrator_number, role
