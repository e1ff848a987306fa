select
    night,
    mission_code,
    status,
    export_sha256,
    cast(rows_read as bigint) as rows_read,
    cast(rows_accepted as bigint) as rows_accepted,
    cast(rows_quarantined as bigint) as rows_quarantined,
    cast(rows_withheld as bigint) as rows_withheld,
    cast(rows_blank as bigint) as rows_blank,
    cast(withheld_no_consent as bigint) as withheld_no_consent,
    cast(withheld_consent_unknown as bigint) as withheld_consent_unknown,
    cast(withheld_consent_withdrawn as bigint) as withheld_consent_withdrawn,
    cast(withheld_consent_out_of_scope as bigint) as withheld_consent_out_of_scope,
    cast(withheld_consent_contradictory as bigint) as withheld_consent_contradictory,
    cast(withheld_no_guardian_consent as bigint) as withheld_no_guardian_consent,
    cast(withheld_erased as bigint) as withheld_erased,
    is_stale,
    loaded_night,
    cast(days_since_success as bigint) as days_since_success,
    message
from {{ ref('stg_load') }}
order by night, mission_code
