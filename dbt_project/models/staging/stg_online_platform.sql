select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    purpose,
    platform
from {{ source('build', 'online_platform') }}
