select
    mission_code,
    mission_name,
    region,
    languages,
    dialect,
    steward,
    cadence
from {{ ref('stg_mission') }}
order by mission_code
