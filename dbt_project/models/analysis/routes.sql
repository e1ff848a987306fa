with route as (
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
    from {{ ref('tally_routes') }}
    where counted = 'route'
    group by route_kind, basis, from_country, to_country
),

known as (
    select
        route_kind,
        basis,
        sum(cases)::bigint as cases
    from {{ ref('tally_routes') }}
    where counted = 'known'
    group by route_kind, basis
),

due as (
    select
        route_kind,
        basis,
        sum(cases)::bigint as cases
    from {{ ref('tally_routes') }}
    where counted = 'due'
    group by route_kind, basis
),

everybody as (
    select sum(cases)::bigint as cases
    from {{ ref('tally_routes') }}
    where counted = 'everybody'
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
