-- Referrals of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('referral', 'direction') }} as direction,
    {{ coded('referral', 'reason') }} as reason,
    landed.referred_month,
    {{ coded('referral', 'organisation_type') }} as organisation_type,
    {{ country('organisation_country') }} as organisation_country
from {{ accepted_rows('referral') }}
{{ code_maps('referral', ['direction', 'reason', 'organisation_type', 'organisation_country']) }}
