{%- set attributes = {
    'role': 'perpetrator__role', 'gender': 'perpetrator__gender', 'age_band': 'perpetrator__age_band',
    'citizenship_region': 'perpetrator__citizenship', 'is_of_victims_region': 'perpetrator__citizenship',
} -%}
-- The unit is a perpetrator as one case tells of them: in the shared macros, `case_key` is the case and the number.
with {{ tally_person() }},

{{ tally_groups(['exploitation', 'gender', 'age_group'], placed='victim') }},

perpetrator as (
    select
        perpetrator.case_key || '/' || perpetrator.perpetrator_number as case_key,
        person.cell,
        person.mission_code,
        person.form_version,
        coalesce(role.role, 'unknown') as role,
        perpetrator.gender,
        perpetrator.age_band,
        coalesce(perpetrator.citizenship_region, 'unknown') as citizenship_region,
        case
            when perpetrator.citizenship_region is null or person.citizenship_region in ('unknown', 'not_asked') then 'unknown'
            when perpetrator.citizenship_region = person.citizenship_region then 'yes'
            else 'no'
        end as is_of_victims_region
    from {{ ref('fct_perpetrator') }} as perpetrator
    left join {{ ref('bridge_perpetrator_role') }} as role
        on perpetrator.case_key = role.case_key and perpetrator.perpetrator_number = role.perpetrator_number
    inner join victim as person on perpetrator.case_key = person.case_key
),

placed as (
    select distinct
        case_key,
        cell
    from perpetrator
),

told as (
    {% for name, asked in attributes.items() -%}
        select
            perpetrator.case_key,
            perpetrator.cell,
            '{{ name }}' as dimension,
            perpetrator.{{ name }} as value,
            form.{{ asked }} as is_asked
        from perpetrator
        left join {{ ref('int_form') }} as form
            on perpetrator.mission_code = form.mission_code and perpetrator.form_version = form.form_version
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

perpetrator_answer as (
    select
        cell,
        dimension,
        '' as item,
        value,
        'known' as state,
        row_number() over (partition by case_key, dimension order by value) = 1 as is_first
    from told
    where value not in ('unknown', 'not_asked', 'non_specified_unknown')
    group by case_key, cell, dimension, value
    union all
    select
        cell,
        dimension,
        '' as item,
        null as value,
        'unknown' as state,
        true as is_first
    from told
    group by case_key, cell, dimension
    having bool_and(value in ('unknown', 'not_asked', 'non_specified_unknown')) and bool_or(is_asked)
),

{{ tally_answers(more=['perpetrator_answer']) }},

{{ tally_counted(['exploitation', 'gender', 'age_group']) }}
