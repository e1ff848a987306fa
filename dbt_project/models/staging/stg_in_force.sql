select
    mission_code,
    cast(loaded_night as date) as loaded_night
from {{ source('build', 'in_force') }}
