select
    mission_code,
    coalesce(form_version, '') as form_version,
    valid_from,
    valid_until
from {{ source('build', 'form_version') }}
