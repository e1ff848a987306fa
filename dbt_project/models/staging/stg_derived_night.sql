select
    night,
    landing_sha256
from {{ source('build', 'derived_night') }}
