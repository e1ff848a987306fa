select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    leg_number,
    from_country,
    to_country,
    year,
    year_reading
from {{ source('build', 'route_leg') }}
