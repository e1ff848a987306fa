select distinct
    case_key,
    decision,
    decided_by,
    decided_month
from {{ ref('int_screening') }}
order by case_key, decision, decided_by, decided_month
