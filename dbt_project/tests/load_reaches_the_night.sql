-- Every mission with a contract has one row of `load` for the night that is built, and none is of a later night.
{{ config(tags=['quality']) }}

select
    mission.mission_code,
    count(loaded.mission_code) as loads
from {{ ref('dim_mission') }} as mission
left join {{ ref('load') }} as loaded
    on mission.mission_code = loaded.mission_code and loaded.night = {{ night() }}
group by mission.mission_code
having count(loaded.mission_code) != 1
union all
select
    mission_code,
    count(*) as loads
from {{ ref('load') }}
where night > {{ night() }}
group by mission_code
