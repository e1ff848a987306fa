{%- set dimensions = analysis_themes('process').values() | sum(start=[]) -%}
{%- set children = dimensions | select('in', tally_children()) | list -%}
{%- set cases = dimensions | reject('in', children + ['legs', 'is_recruited_at_home']) | list -%}
with {{ tally_person() }},

{{ tally_groups(['age_group', 'exploitation']) }},

leg_count as (
    select
        case_key,
        count(distinct leg_number) as legs
    from {{ ref('fct_route_leg') }}
    where from_country is not null or to_country is not null
    group by case_key
),

leg_answer as (
    select
        person.cell,
        'legs' as dimension,
        '' as item,
        case when leg_count.legs >= 3 then '3+' else leg_count.legs::varchar end as value,
        if(leg_count.legs is null, 'unknown', 'known') as state,
        true as is_first
    from placed as person
    left join leg_count on person.case_key = leg_count.case_key
    left join {{ ref('int_form') }} as form
        on person.mission_code = form.mission_code and person.form_version = form.form_version
    where leg_count.legs is not null or form.route_leg__from_country or form.route_leg__to_country
),

recruited as (
    select
        recruitment.case_key,
        bool_or(bridge.citizenship is not null) as is_at_home
    from {{ ref('fct_recruitment') }} as recruitment
    left join {{ ref('bridge_case_citizenship') }} as bridge
        on recruitment.case_key = bridge.case_key and recruitment.country = bridge.citizenship
    where recruitment.country is not null
    group by recruitment.case_key
),

-- in a country of one's own: both must be known
recruited_answer as (
    select
        person.cell,
        'is_recruited_at_home' as dimension,
        '' as item,
        if(recruited.is_at_home, 'yes', 'no') as value,
        if(recruited.case_key is null or person.citizenship_region in ('unknown', 'not_asked'), 'unknown', 'known') as state,
        true as is_first
    from placed as person
    left join recruited on person.case_key = recruited.case_key
    left join {{ ref('int_form') }} as form
        on person.mission_code = form.mission_code and person.form_version = form.form_version
    where recruited.case_key is not null or form.recruitment__country
),

{{ tally_answers(cases=cases, children=children, more=['leg_answer', 'recruited_answer']) }},

{{ tally_counted(['age_group', 'exploitation']) }}
