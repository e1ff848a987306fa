with passage as (
    select
        'corridor' as route_kind,
        facts.country_of_exploitation_basis as basis,
        bridge.citizenship as from_country,
        facts.country_of_exploitation as to_country,
        facts.case_key,
        facts.mission_code,
        facts.registration_year
    from {{ ref('fct_case') }} as facts
    inner join {{ ref('bridge_case_citizenship') }} as bridge on facts.case_key = bridge.case_key
    where facts.country_of_exploitation is not null
    union all
    select
        'leg' as route_kind,
        'leg' as basis,
        leg.from_country,
        leg.to_country,
        leg.case_key,
        facts.mission_code,
        facts.registration_year
    from {{ ref('fct_route_leg') }} as leg
    inner join {{ ref('fct_case') }} as facts on leg.case_key = facts.case_key
    where leg.from_country is not null and leg.to_country is not null
)

select
    route_kind,
    basis,
    from_country,
    to_country,
    route_kind = 'corridor' and basis = 'last_exploitation' as is_exploitation_corridor,
    if(from_country = to_country, 'no', 'yes') as crosses_border,
    count(distinct case_key) as cases,
    count(distinct mission_code) as missions,
    min(registration_year) as first_year,
    max(registration_year) as last_year
from passage
group by route_kind, basis, from_country, to_country
order by route_kind, basis, from_country, to_country
