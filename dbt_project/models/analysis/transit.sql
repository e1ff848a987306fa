with recorded as (
    select
        source,
        sum(denominator)::bigint as denominator,
        sum(unknown)::bigint as unknown,
        sum(not_asked)::bigint as not_asked
    from {{ ref('tally_transit') }}
    where transit_country = ''
    group by source
),

route as (
    select
        source,
        transit_country,
        sum(cases)::bigint as numerator,
        sum(cases_exploited_there)::bigint as cases_exploited_there,
        sum(cases_of_own_country)::bigint as cases_of_own_country,
        sum(feminine)::bigint as feminine,
        sum(minors)::bigint as minors,
        count(*) as missions,
        max(cases) as largest
    from {{ ref('tally_transit') }}
    where transit_country <> ''
    group by source, transit_country
)

select
    route.source,
    route.transit_country,
    route.numerator,
    recorded.denominator,
    if(
        recorded.denominator >= {{ var('smallest_denominator') }}, round(route.numerator / recorded.denominator, 4), null
    ) as rate,
    if(recorded.denominator >= {{ var('smallest_denominator') }}, null, 'too_few') as rate_note,
    recorded.unknown,
    recorded.not_asked,
    route.cases_exploited_there,
    route.cases_of_own_country,
    route.feminine,
    route.minors,
    route.missions,
    round(route.largest / route.numerator, 4) as largest_mission_share
from route
inner join recorded on route.source = recorded.source
order by route.source, route.transit_country
