select
    mission_code,
    mission_name,
    region,
    languages,
    dialect,
    steward,
    cadence
from {{ source('build', 'mission') }}
