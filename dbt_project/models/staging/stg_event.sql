select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    event_number,
    event_type,
    country,
    year,
    year_reading
from {{ source('build', 'event') }}
