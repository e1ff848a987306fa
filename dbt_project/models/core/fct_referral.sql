select distinct
    case_key,
    direction,
    reason,
    referred_month,
    organisation_type,
    organisation_country
from {{ ref('int_referral') }}
order by case_key, direction, reason, referred_month, organisation_type, organisation_country
