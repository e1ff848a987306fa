select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    citizenship,
    citizenship_number
from {{ source('build', 'citizenship') }}
