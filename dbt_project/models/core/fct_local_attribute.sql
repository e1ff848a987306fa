select
    case_key,
    mission_code,
    field,
    value,
    min(label) as label
from {{ ref('int_local_attribute') }}
group by case_key, mission_code, field, value
order by case_key, field, value
