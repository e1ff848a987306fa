select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    direction,
    reason,
    referred_month,
    referred_on_reading,
    organisation_type,
    organisation_country
from {{ source('build', 'referral') }}
