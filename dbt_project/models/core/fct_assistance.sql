select distinct
    case_key,
    service_type,
    status,
    started_month,
    ended_month,
    provider_type
from {{ ref('int_assistance') }}
order by case_key, service_type, status, started_month, ended_month, provider_type
