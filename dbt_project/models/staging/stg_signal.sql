select
    cast(night as date) as night,
    mission_code,
    kind,
    table_name,
    field,
    detail,
    rows
from {{ source('build', 'signal') }}
