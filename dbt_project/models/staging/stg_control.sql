select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    means_of_control,
    answer
from {{ source('build', 'control') }}
