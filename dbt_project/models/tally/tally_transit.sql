-- By the legs, a country of transit is both reached and left again: a later leg begins where an earlier one ended.
-- By the events, it is one that the form calls so. Forms ask for one or the other: two sources, never added up.
with leg as (
    select
        case_key,
        leg_number,
        from_country,
        to_country
    from {{ ref('fct_route_leg') }}
    where from_country is not null and to_country is not null and from_country <> to_country
),

stay as (
    select
        'legs' as source,
        reached.case_key,
        reached.to_country as transit_country
    from leg as reached
    inner join leg as onward
        on
            reached.case_key = onward.case_key
            and reached.to_country = onward.from_country
            and reached.leg_number < onward.leg_number
    union distinct
    select
        'events' as source,
        case_key,
        country as transit_country
    from {{ ref('fct_event') }}
    where event_type = 'transit' and country is not null
),

exploited as (
    select
        case_key,
        country
    from {{ ref('fct_exploitation') }}
    union distinct
    select
        case_key,
        country
    from {{ ref('fct_event') }}
    where event_type = 'exploitation'
    union distinct
    select
        case_key,
        country_of_exploitation as country
    from {{ ref('fct_case') }}
    where country_of_exploitation_basis = 'last_exploitation'
),

legged as (
    select distinct case_key
    from leg
),

eventful as (
    select distinct case_key
    from {{ ref('fct_event') }}
    where country is not null
),

due as (
    select
        facts.mission_code,
        coalesce(form.route_leg__from_country, false) as asks_legs,
        coalesce(form.event__event_type, false) as asks_events,
        legged.case_key is not null as has_legs,
        eventful.case_key is not null as has_events
    from {{ ref('fct_case') }} as facts
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    left join legged on facts.case_key = legged.case_key
    left join eventful on facts.case_key = eventful.case_key
),

recorded as (
    {% for source in ['legs', 'events'] -%}
        select
            mission_code,
            '{{ source }}' as source,
            count(*) filter (has_{{ source }}) as denominator,
            count(*) filter (asks_{{ source }} and not has_{{ source }}) as unknown,
            count(*) filter (not asks_{{ source }} and not has_{{ source }}) as not_asked
        from due
        group by mission_code
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    facts.mission_code,
    stay.source,
    stay.transit_country,
    count(*) as cases,
    count(exploited.case_key) as cases_exploited_there,
    count(bridge.case_key) as cases_of_own_country,
    count(*) filter (facts.gender = 'feminine') as feminine,
    count(*) filter (facts.is_minor = 'yes') as minors,
    0 as denominator,
    0 as unknown,
    0 as not_asked
from stay
inner join {{ ref('fct_case') }} as facts on stay.case_key = facts.case_key
left join exploited on stay.case_key = exploited.case_key and stay.transit_country = exploited.country
left join {{ ref('bridge_case_citizenship') }} as bridge
    on stay.case_key = bridge.case_key and stay.transit_country = bridge.citizenship
group by facts.mission_code, stay.source, stay.transit_country
union all
-- of all cases, whatever their country of transit
select
    mission_code,
    source,
    '' as transit_country,
    0 as cases,
    0 as cases_exploited_there,
    0 as cases_of_own_country,
    0 as feminine,
    0 as minors,
    denominator,
    unknown,
    not_asked
from recorded
