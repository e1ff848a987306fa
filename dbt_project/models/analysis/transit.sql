-- A country of transit is both reached and left again: a later leg begins where an earlier one ended.
with leg as (
    select
        leg.case_key,
        facts.mission_code,
        facts.citizenship,
        facts.country_of_exploitation_basis,
        facts.country_of_exploitation,
        facts.gender,
        facts.is_minor,
        leg.leg_number,
        leg.from_country,
        leg.to_country
    from {{ ref('fct_route_leg') }} as leg
    inner join {{ ref('fct_case') }} as facts on leg.case_key = facts.case_key
    where leg.from_country is not null and leg.to_country is not null and leg.from_country <> leg.to_country
),

passage as (
    select distinct
        reached.to_country as transit_country,
        reached.case_key,
        reached.mission_code,
        reached.gender,
        reached.is_minor,
        reached.citizenship is not null and reached.citizenship = reached.to_country as is_own_country,
        exists (
            select 1
            from {{ ref('fct_exploitation') }} as exploitation
            where exploitation.case_key = reached.case_key and exploitation.country = reached.to_country
        )
        or (
            reached.country_of_exploitation_basis = 'last_exploitation'
            and reached.country_of_exploitation is not null
            and reached.country_of_exploitation = reached.to_country
        ) as is_exploited_there
    from leg as reached
    inner join leg as onward
        on
            reached.case_key = onward.case_key
            and reached.to_country = onward.from_country
            and reached.leg_number < onward.leg_number
),

by_mission as (
    select
        transit_country,
        mission_code,
        count(*) as cases,
        count(*) filter (is_exploited_there) as cases_exploited_there,
        count(*) filter (is_own_country) as cases_of_own_country,
        count(*) filter (gender = 'feminine') as feminine,
        count(*) filter (is_minor = 'yes') as minors
    from passage
    group by transit_country, mission_code
),

crossing as (
    select count(distinct case_key) as cases
    from leg
),

recorded as (
    select
        count(*) as cases,
        count(*) filter (legs.case_key is not null or form.route_leg__from_country) as due
    from {{ ref('fct_case') }} as facts
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    left join (select distinct case_key from leg) as legs on facts.case_key = legs.case_key
)

select
    by_mission.transit_country,
    sum(by_mission.cases)::bigint as numerator,
    any_value(crossing.cases) as denominator,
    if(
        any_value(crossing.cases) >= {{ var('smallest_denominator') }},
        round(sum(by_mission.cases) / any_value(crossing.cases), 4),
        null
    ) as rate,
    if(any_value(crossing.cases) >= {{ var('smallest_denominator') }}, null, 'too_few') as rate_note,
    any_value(recorded.due - crossing.cases) as unknown,
    any_value(recorded.cases - recorded.due) as not_asked,
    sum(by_mission.cases_exploited_there)::bigint as cases_exploited_there,
    sum(by_mission.cases_of_own_country)::bigint as cases_of_own_country,
    sum(by_mission.feminine)::bigint as feminine,
    sum(by_mission.minors)::bigint as minors,
    count(*) as missions,
    round(max(by_mission.cases) / sum(by_mission.cases), 4) as largest_mission_share
from by_mission
cross join crossing
cross join recorded
group by by_mission.transit_country
order by by_mission.transit_country
