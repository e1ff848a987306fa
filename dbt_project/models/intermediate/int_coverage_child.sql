with exploitation as (
    select
        case_key,
        bool_or(exploitation_type in ('forced_labour', 'child_labour', 'forced_begging', 'servitude')) as labour,
        bool_or(exploitation_type = 'sexual_exploitation') as sexual
    from {{ ref('int_exploitation') }}
    group by case_key
),

recruitment as (
    select
        case_key,
        bool_or(recruitment_method in ('through_online_social_networks', 'through_an_online_advertisement')) as online
    from {{ ref('int_recruitment') }}
    group by case_key
),

{% for table_name in covered_children() | map(attribute='table') | unique -%}
    {{ table_name }}_case as (
        select
            {% for child in covered_children() if child.table == table_name -%}
                bool_or({{ child.field }} not in {{ no_answer() }}) as {{ child.field }},
            {% endfor -%}
            case_key
        from {{ ref('int_' ~ table_name) }}
        group by case_key
    ),

{% endfor -%}
has as (
    select
        facts.case_key,
        exploitation.labour is true as labour,
        exploitation.sexual is true as sexual,
        recruitment.online is true as online,
        route_leg_case.case_key is not null as leg,
        event_case.case_key is not null as event,
        perpetrator_case.case_key is not null as perpetrator,
        screening_case.case_key is not null as screening,
        referral_case.case_key is not null as referral,
        assistance_case.case_key is not null as assistance
    from {{ ref('fct_case') }} as facts
    left join exploitation on facts.case_key = exploitation.case_key
    left join recruitment on facts.case_key = recruitment.case_key
    left join route_leg_case on facts.case_key = route_leg_case.case_key
    left join event_case on facts.case_key = event_case.case_key
    left join perpetrator_case on facts.case_key = perpetrator_case.case_key
    left join screening_case on facts.case_key = screening_case.case_key
    left join referral_case on facts.case_key = referral_case.case_key
    left join assistance_case on facts.case_key = assistance_case.case_key
),

state as (
    {% for child in covered_children() -%}
        select
            '{{ child.table }}' as table_name,
            '{{ child.field }}' as field,
            facts.mission_code,
            facts.form_version,
            case
                when given.{{ child.field }} then 'answered'
                when not coalesce(form.{{ child.table }}__{{ child.field }}, false) then 'not_asked'
                {% if child.if -%}
                    when not ({{ child.if }}) then 'not_applicable'
                {% endif -%}
                else 'unknown'
            end as state
        from {{ ref('fct_case') }} as facts
        inner join has on facts.case_key = has.case_key
        left join {{ child.table }}_case as given on facts.case_key = given.case_key
        left join {{ ref('int_form') }} as form
            on facts.mission_code = form.mission_code and facts.form_version = form.form_version
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    table_name,
    field,
    '' as item,
    mission_code,
    form_version,
    count(*) as cases,
    0 as yes,
    0 as no,
    count(*) filter (state = 'answered') as answered,
    count(*) filter (state = 'not_asked') as not_asked,
    count(*) filter (state = 'not_applicable') as not_applicable
from state
group by table_name, field, mission_code, form_version
