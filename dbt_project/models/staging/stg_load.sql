select
    cast(night as date) as night,
    mission_code,
    status,
    export_sha256,
    export,
    rows_read,
    rows_accepted,
    rows_quarantined,
    rows_withheld,
    rows_blank,
    is_stale,
    message,
    withheld_no_consent,
    withheld_consent_unknown,
    withheld_consent_withdrawn,
    cast(loaded_night as date) as loaded_night
from {{ source('build', 'load') }}
