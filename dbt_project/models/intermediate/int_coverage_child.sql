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

-- one pass over the cases, whatever the number of fields: how many of a form answered, and to how many it cannot apply
counted as (
    select
        facts.mission_code,
        facts.form_version,
        {% for child in covered_children() -%}
            count(*) filter ({{ child.table }}_case.{{ child.field }}) as {{ child.table }}__{{ child.field }}__answered,
            {% if child.if -%}
                count(*) filter (
                    {{ child.table }}_case.{{ child.field }} is not true and not ({{ child.if }})
                ) as {{ child.table }}__{{ child.field }}__not_applicable,
            {% endif -%}
        {% endfor -%}
        count(*) as cases
    from {{ ref('fct_case') }} as facts
    inner join has on facts.case_key = has.case_key
    {% for table_name in covered_children() | map(attribute='table') | unique -%}
        left join {{ table_name }}_case on facts.case_key = {{ table_name }}_case.case_key
    {% endfor -%}
    group by facts.mission_code, facts.form_version
)

{% for child in covered_children() -%}
    select
        '{{ child.table }}' as table_name,
        '{{ child.field }}' as field,
        '' as item,
        counted.mission_code,
        counted.form_version,
        counted.cases,
        0 as yes,
        0 as no,
        counted.{{ child.table }}__{{ child.field }}__answered as answered,
        if(
            coalesce(form.{{ child.table }}__{{ child.field }}, false),
            0,
            counted.cases - counted.{{ child.table }}__{{ child.field }}__answered
        ) as not_asked,
        {% if child.if -%}
            if(
                coalesce(form.{{ child.table }}__{{ child.field }}, false),
                counted.{{ child.table }}__{{ child.field }}__not_applicable,
                0
            ) as not_applicable
        {%- else -%}
            0 as not_applicable
        {%- endif %}
    from counted
    left join {{ ref('int_form') }} as form
        on counted.mission_code = form.mission_code and counted.form_version = form.form_version
    {{ 'union all' if not loop.last }}
{% endfor %}
