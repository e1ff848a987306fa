select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    perpetrator_number,
    role_number,
    role,
    gender,
    age_band,
    citizenship
from {{ source('build', 'perpetrator') }}
