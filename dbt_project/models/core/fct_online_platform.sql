select distinct
    case_key,
    purpose,
    platform
from {{ ref('int_online_platform') }}
order by case_key, purpose, platform
