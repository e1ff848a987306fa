-- Law 2: read = accepted + quarantined + withheld + blank, of every mission on every night.
{{ config(tags=['quality']) }}

select
    night,
    mission_code
from {{ ref('load') }}
where
    rows_read != rows_accepted + rows_quarantined + rows_withheld + rows_blank
    or rows_withheld
    != withheld_no_consent
    + withheld_consent_unknown
    + withheld_consent_withdrawn
    + withheld_consent_out_of_scope
    + withheld_consent_contradictory
    + withheld_no_guardian_consent
    + withheld_erased
