{%- set case_codes = [
    'gender', 'age_band', 'marital_status', 'education', 'is_sexual_exploitation', 'is_forced_labour',
    'is_other_exploitation', 'trafficking_status', 'duration_band', 'referral_source', 'case_status', 'is_retrafficked',
] -%}
{%- set child_codes = [
    ('exploitation', 'exploitation_type'), ('exploitation', 'labour_sector'), ('exploitation', 'country'),
    ('recruitment', 'recruitment_method'), ('recruitment', 'recruiter_relationship'),
    ('route_leg', 'from_country'), ('route_leg', 'to_country'),
    ('perpetrator', 'role'), ('perpetrator', 'gender'), ('perpetrator', 'age_band'), ('perpetrator', 'citizenship'),
    ('assistance', 'service_type'), ('assistance', 'provider_type'),
] -%}
with form_case as (
    select
        facts.*,
        form.citizenship__citizenship as citizenship_asked,
        form.case__country_of_exploitation as country_asked
    from {{ ref('fct_case') }} as facts
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
),

form_size as (
    select
        mission_code,
        form_version,
        count(*) as cases
    from {{ ref('fct_case') }}
    group by mission_code, form_version
),

case_answer as (
    unpivot (
        select
            mission_code,
            form_version,
            {% for field in case_codes -%}
                {{ field }},
            {% endfor -%}
            coalesce(citizenship, if(citizenship_asked, 'unknown', 'not_asked')) as citizenship,
            coalesce(country_of_exploitation, if(country_asked, 'unknown', 'not_asked')) as country_of_exploitation,
            coalesce(strftime(registered_month, '%Y-%m'), 'unknown') as registered_month
        from form_case
    )
    on columns(* exclude (mission_code, form_version))
    into name field value answer
),

item_answer as (
    select
        'control' as table_name,
        'means_of_control' as field,
        means_of_control as item,
        case_key,
        answer
    from {{ ref('fct_control') }}
    union all
    select
        'vulnerability' as table_name,
        'factor' as field,
        factor as item,
        case_key,
        case when bool_or(answer = 'yes') then 'yes' when bool_or(answer = 'no') then 'no' else 'unknown' end as answer
    from {{ ref('fct_vulnerability') }}
    group by factor, case_key
),

item_due as (
    select
        if(dim_code.code_list = 'means_of_control', 'control', 'vulnerability') as table_name,
        if(dim_code.code_list = 'means_of_control', 'means_of_control', 'factor') as field,
        dim_code.code as item,
        form_size.mission_code,
        form_size.form_version,
        form_size.cases
    from {{ ref('dim_code') }} as dim_code
    cross join form_size
    where
        dim_code.code_list in ('means_of_control', 'vulnerability_factor')
        and dim_code.code not in ('unknown', 'not_asked')
),

item_count as (
    select
        item_answer.table_name,
        item_answer.field,
        item_answer.item,
        fct_case.mission_code,
        fct_case.form_version,
        count(*) filter (item_answer.answer = 'yes') as yes,
        count(*) filter (item_answer.answer = 'no') as no,
        count(*) filter (item_answer.answer = 'unknown') as unknown
    from item_answer
    inner join {{ ref('fct_case') }} as fct_case on item_answer.case_key = fct_case.case_key
    group by all
),

child_answer as (
    {% for table_name, field in child_codes -%}
        select
            '{{ table_name }}' as table_name,
            '{{ field }}' as field,
            mission_code,
            form_version,
            count(distinct case_key) filter ({{ field }} not in ('unknown', 'not_asked', 'non_specified_unknown')) as answered
        from {{ ref('int_' ~ table_name) }}
        group by mission_code, form_version
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

child_due as (
    {% for table_name, field in child_codes -%}
        select
            '{{ table_name }}' as table_name,
            '{{ field }}' as field,
            form_size.mission_code,
            form_size.form_version,
            form_size.cases,
            coalesce(form.{{ table_name }}__{{ field }}, false) as is_asked
        from form_size
        left join {{ ref('int_form') }} as form
            on form_size.mission_code = form.mission_code and form_size.form_version = form.form_version
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

coverage as (
    select
        'case' as table_name,
        field,
        '' as item,
        mission_code,
        form_version,
        count(*) as cases,
        count(*) filter (answer = 'yes') as yes,
        count(*) filter (answer = 'no') as no,
        count(*) filter (answer not in ('unknown', 'not_asked', 'non_specified_unknown')) as answered,
        count(*) filter (answer = 'not_asked') as not_asked
    from case_answer
    group by field, mission_code, form_version
    union all
    select
        item_due.table_name,
        item_due.field,
        item_due.item,
        item_due.mission_code,
        item_due.form_version,
        item_due.cases,
        coalesce(item_count.yes, 0) as yes,
        coalesce(item_count.no, 0) as no,
        coalesce(item_count.yes + item_count.no, 0) as answered,
        item_due.cases - coalesce(item_count.yes + item_count.no + item_count.unknown, 0) as not_asked
    from item_due
    left join item_count
        on
            item_due.table_name = item_count.table_name
            and item_due.item = item_count.item
            and item_due.mission_code = item_count.mission_code
            and item_due.form_version = item_count.form_version
    union all
    select
        child_due.table_name,
        child_due.field,
        '' as item,
        child_due.mission_code,
        child_due.form_version,
        child_due.cases,
        0 as yes,
        0 as no,
        coalesce(child_answer.answered, 0) as answered,
        if(child_due.is_asked, 0, child_due.cases - coalesce(child_answer.answered, 0)) as not_asked
    from child_due
    left join child_answer
        on
            child_due.table_name = child_answer.table_name
            and child_due.field = child_answer.field
            and child_due.mission_code = child_answer.mission_code
            and child_due.form_version = child_answer.form_version
)

select
    table_name,
    field,
    item,
    mission_code,
    form_version,
    cast(cases as bigint) as cases,
    cast(yes as bigint) as yes,
    cast(no as bigint) as no,
    cast(answered as bigint) as answered,
    cast(cases - answered - not_asked as bigint) as unknown,
    cast(not_asked as bigint) as not_asked
from coverage
order by table_name, field, item, mission_code, form_version
