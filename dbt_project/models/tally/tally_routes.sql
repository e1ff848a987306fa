-- A person with two citizenships stands in two corridors, also where they were exploited in a country of their own. `counted` says what
-- a row counts: the cases of a route, those with any route of the kind (known), those asked for one (due), or all (everybody).
with passage as (
    select
        'corridor' as route_kind,
        facts.country_of_exploitation_basis as basis,
        bridge.citizenship as from_country,
        facts.country_of_exploitation as to_country,
        home.case_key is not null as is_at_home,
        facts.case_key,
        facts.mission_code,
        facts.registration_year,
        facts.gender,
        facts.is_minor
    from {{ ref('fct_case') }} as facts
    inner join {{ ref('bridge_case_citizenship') }} as bridge on facts.case_key = bridge.case_key
    left join {{ ref('bridge_case_citizenship') }} as home
        on facts.case_key = home.case_key and facts.country_of_exploitation = home.citizenship
    where facts.country_of_exploitation is not null
    union all
    select distinct
        'leg' as route_kind,
        'leg' as basis,
        leg.from_country,
        leg.to_country,
        false as is_at_home,
        leg.case_key,
        facts.mission_code,
        facts.registration_year,
        facts.gender,
        facts.is_minor
    from {{ ref('fct_route_leg') }} as leg
    inner join {{ ref('fct_case') }} as facts on leg.case_key = facts.case_key
    where leg.from_country is not null and leg.to_country is not null
),

known as (
    select distinct
        mission_code,
        route_kind,
        basis,
        case_key
    from passage
),

legged as (
    select distinct case_key
    from {{ ref('fct_route_leg') }}
)

select
    mission_code,
    'route' as counted,
    route_kind,
    basis,
    from_country,
    to_country,
    count(*) as cases,
    count(*) filter (is_at_home and from_country <> to_country) as cases_at_home,
    count(*) filter (gender = 'feminine') as feminine,
    count(*) filter (is_minor = 'yes') as minors,
    min(registration_year) as first_year,
    max(registration_year) as last_year
from passage
group by mission_code, route_kind, basis, from_country, to_country
union all by name
select
    mission_code,
    'known' as counted,
    route_kind,
    basis,
    count(*) as cases
from known
group by mission_code, route_kind, basis
union all by name
select
    mission_code,
    'due' as counted,
    'corridor' as route_kind,
    country_of_exploitation_basis as basis,
    count(*) as cases
from {{ ref('fct_case') }}
group by mission_code, country_of_exploitation_basis
union all by name
select
    facts.mission_code,
    'due' as counted,
    'leg' as route_kind,
    'leg' as basis,
    count(*) filter (form.route_leg__from_country or leg.case_key is not null) as cases
from {{ ref('fct_case') }} as facts
left join {{ ref('int_form') }} as form
    on facts.mission_code = form.mission_code and facts.form_version = form.form_version
left join legged as leg on facts.case_key = leg.case_key
group by facts.mission_code
union all by name
select
    mission_code,
    'everybody' as counted,
    count(*) as cases
from {{ ref('fct_case') }}
group by mission_code
