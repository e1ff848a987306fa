-- One row per case × item on its form, of a table whose items are answered (means of control, factors).
-- Chosen from a list: chosen is yes; not chosen is the form's `not_chosen` answer if the case chose anything,
-- else unknown. Asked one by one: as answered, blank is unknown. An item that was answered although
-- it is not on the form is kept. Two answers to one item (two local codes, one canonical): yes, then no, then unknown.
-- `group`: the items stand in groups (levels of vulnerability), and a row is of case × item × group. An item that the form
-- has in no stated group is due only where the case answers it in none; its group is then unknown, or not_asked.
{% macro item_answers(relation, table_name, item, group=none) %}
asked_item as (
    select
        mission_code,
        form_version,
        item as {{ item }},
        {% if group -%}
            item_group as {{ group }},
        {% endif -%}
        mode,
        not_chosen
    from {{ ref('stg_asked') }}
    where table_name = '{{ table_name }}' and item is not null and is_asked
),

asked_mode as (
    select
        mission_code,
        form_version,
        {{ item }},
        min(mode) as mode
    from asked_item
    group by mission_code, form_version, {{ item }}
),

answered as (
    select
        given.mission_code,
        given.form_version,
        given.case_key,
        given.{{ item }},
        {% if group -%}
            given.{{ group }},
        {% endif -%}
        case
            when bool_or(given.answer = 'unmapped') then 'unmapped'
            when bool_or(coalesce(given.answer, if(asked_mode.mode = 'each', 'unknown', 'yes')) = 'yes') then 'yes'
            when bool_or(given.answer = 'no') then 'no'
            else 'unknown'
        end as answer
    from {{ relation }} as given
    left join asked_mode
        on
            given.mission_code = asked_mode.mission_code
            and given.form_version = asked_mode.form_version
            and given.{{ item }} = asked_mode.{{ item }}
    where given.{{ item }} not in ('unknown', 'not_asked')
    group by
        given.mission_code, given.form_version, given.case_key, given.{{ item }}
        {%- if group %}, given.{{ group }}{% endif %}
),

choosing as (
    select distinct case_key
    from answered
),
{%- if group %}

answered_anywhere as (
    select distinct
        answered.case_key,
        answered.{{ item }}
    from answered
    anti join asked_item
        on
            answered.mission_code = asked_item.mission_code
            and answered.form_version = asked_item.form_version
            and answered.{{ item }} = asked_item.{{ item }}
            and answered.{{ group }} = asked_item.{{ group }}
),
{%- endif %}

due as (
    select
        asked_case.case_key,
        asked_item.{{ item }},
        {% if group -%}
            coalesce(
                asked_item.{{ group }}, if(form.{{ table_name }}__{{ group }}, 'unknown', 'not_asked')
            ) as {{ group }},
        {% endif -%}
        if(
            asked_item.mode = 'chosen' and choosing.case_key is not null,
            coalesce(asked_item.not_chosen, 'unknown'),
            'unknown'
        ) as answer
    from {{ ref('int_case') }} as asked_case
    inner join asked_item
        on asked_case.mission_code = asked_item.mission_code and asked_case.form_version = asked_item.form_version
    left join choosing on asked_case.case_key = choosing.case_key
    {%- if group %}
    left join answered_anywhere
        on asked_case.case_key = answered_anywhere.case_key and asked_item.{{ item }} = answered_anywhere.{{ item }}
    left join {{ ref('int_form') }} as form
        on asked_case.mission_code = form.mission_code and asked_case.form_version = form.form_version
    where asked_item.{{ group }} is not null or answered_anywhere.case_key is null
    {%- endif %}
),

item_answer as (
    select
        coalesce(answered.case_key, due.case_key) as case_key,
        coalesce(answered.{{ item }}, due.{{ item }}) as {{ item }},
        {% if group -%}
            coalesce(answered.{{ group }}, due.{{ group }}) as {{ group }},
        {% endif -%}
        coalesce(answered.answer, due.answer) as answer
    from due
    full outer join answered
        on
            due.case_key = answered.case_key
            and due.{{ item }} = answered.{{ item }}
            {%- if group %}
            and due.{{ group }} = answered.{{ group }}
            {%- endif %}
)
{% endmacro %}
