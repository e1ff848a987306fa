select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    recruitment_method,
    recruiter_relationship,
    country
from {{ source('build', 'recruitment') }}
