select
    mission_code,
    case_key,
    reason
from {{ source('build', 'withheld') }}
