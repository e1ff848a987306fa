-- A person with two citizenships stands in two corridors, also where they were exploited in a country of their own.
with citizenship as (
    select
        case_key,
        list(citizenship) as citizenships
    from {{ ref('bridge_case_citizenship') }}
    group by case_key
),

passage as (
    select
        'corridor' as route_kind,
        facts.country_of_exploitation_basis as basis,
        bridge.citizenship as from_country,
        facts.country_of_exploitation as to_country,
        list_contains(citizenship.citizenships, facts.country_of_exploitation) as is_at_home,
        facts.case_key,
        facts.mission_code,
        facts.registration_year,
        facts.gender,
        facts.is_minor
    from {{ ref('fct_case') }} as facts
    inner join {{ ref('bridge_case_citizenship') }} as bridge on facts.case_key = bridge.case_key
    inner join citizenship on facts.case_key = citizenship.case_key
    where facts.country_of_exploitation is not null
    union all
    select
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

by_mission as (
    select
        route_kind,
        basis,
        from_country,
        to_country,
        mission_code,
        count(distinct case_key) as cases,
        count(distinct case_key) filter (is_at_home and from_country <> to_country) as cases_at_home,
        count(distinct case_key) filter (gender = 'feminine') as feminine,
        count(distinct case_key) filter (is_minor = 'yes') as minors,
        min(registration_year) as first_year,
        max(registration_year) as last_year
    from passage
    group by route_kind, basis, from_country, to_country, mission_code
),

route as (
    select
        route_kind,
        basis,
        from_country,
        to_country,
        sum(cases)::bigint as cases,
        sum(cases_at_home)::bigint as cases_at_home,
        sum(feminine)::bigint as feminine,
        sum(minors)::bigint as minors,
        count(*) as missions,
        max(cases) as largest,
        min(first_year) as first_year,
        max(last_year) as last_year
    from by_mission
    group by route_kind, basis, from_country, to_country
),

known as (
    select
        route_kind,
        basis,
        count(distinct case_key) as cases
    from passage
    group by route_kind, basis
),

legged as (
    select distinct case_key
    from {{ ref('fct_route_leg') }}
),

due as (
    select
        'corridor' as route_kind,
        country_of_exploitation_basis as basis,
        count(*) as cases
    from {{ ref('fct_case') }}
    group by country_of_exploitation_basis
    union all
    select
        'leg' as route_kind,
        'leg' as basis,
        count(*) filter (form.route_leg__from_country or leg.case_key is not null) as cases
    from {{ ref('fct_case') }} as facts
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    left join legged as leg on facts.case_key = leg.case_key
),

everybody as (
    select count(*) as cases
    from {{ ref('fct_case') }}
)

select
    route.route_kind,
    route.basis,
    route.from_country,
    route.to_country,
    route.route_kind = 'corridor' and route.basis = 'last_exploitation' as is_exploitation_corridor,
    if(route.from_country = route.to_country, 'no', 'yes') as crosses_border,
    route.cases,
    route.cases_at_home,
    route.cases - route.cases_at_home as numerator,
    known.cases as denominator,
    if(
        known.cases >= {{ var('smallest_denominator') }}, round((route.cases - route.cases_at_home) / known.cases, 4), null
    ) as rate,
    if(known.cases >= {{ var('smallest_denominator') }}, null, 'too_few') as rate_note,
    due.cases - known.cases as unknown,
    everybody.cases - due.cases as not_asked,
    route.feminine,
    route.minors,
    route.missions,
    round(route.largest / route.cases, 4) as largest_mission_share,
    route.first_year,
    route.last_year
from route
inner join known on route.route_kind = known.route_kind and route.basis = known.basis
inner join due on route.route_kind = due.route_kind and route.basis = due.basis
cross join everybody
order by route.route_kind, route.basis, route.from_country, route.to_country
