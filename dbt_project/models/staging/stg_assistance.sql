select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    service_type,
    status,
    started_month,
    started_on_reading,
    ended_month,
    ended_on_reading,
    provider_type
from {{ source('build', 'assistance') }}
