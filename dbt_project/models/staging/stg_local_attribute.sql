select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    field,
    value
from {{ source('build', 'local_attribute') }}
