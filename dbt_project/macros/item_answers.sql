-- One row per case × item on its form, of a table whose items are answered (means of control, factors).
-- Chosen from a list: chosen is yes; not chosen is the form's `not_chosen` answer if the case chose anything,
-- else unknown. Asked one by one: as answered, blank is unknown. An item that was answered although
-- it is not on the form is kept. Two answers to one item (two local codes, one canonical): yes, then no, then unknown.
-- `extra` are further expressions of the answered rows, name to aggregate.
{% macro item_answers(relation, table_name, item, extra={}) %}
asked_item as (
    select
        mission_code,
        form_version,
        item as {{ item }},
        mode,
        not_chosen
    from {{ ref('stg_asked') }}
    where table_name = '{{ table_name }}' and item is not null and is_asked
),

answered as (
    select
        given.case_key,
        given.{{ item }},
        case
            when bool_or(given.answer = 'unmapped') then 'unmapped'
            when bool_or(coalesce(given.answer, if(asked_item.mode = 'each', 'unknown', 'yes')) = 'yes') then 'yes'
            when bool_or(given.answer = 'no') then 'no'
            else 'unknown'
        end as answer
        {%- for name, expression in extra.items() %},
        {{ expression }} as {{ name }}
        {%- endfor %}
    from {{ relation }} as given
    left join asked_item
        on
            given.mission_code = asked_item.mission_code
            and given.form_version = asked_item.form_version
            and given.{{ item }} = asked_item.{{ item }}
    where given.{{ item }} not in ('unknown', 'not_asked')
    group by given.case_key, given.{{ item }}
),

choosing as (
    select distinct case_key
    from answered
),

due as (
    select
        asked_case.case_key,
        asked_item.{{ item }},
        if(
            asked_item.mode = 'chosen' and choosing.case_key is not null,
            coalesce(asked_item.not_chosen, 'unknown'),
            'unknown'
        ) as answer
    from {{ ref('int_case') }} as asked_case
    inner join asked_item
        on asked_case.mission_code = asked_item.mission_code and asked_case.form_version = asked_item.form_version
    left join choosing on asked_case.case_key = choosing.case_key
),

item_answer as (
    select
        coalesce(answered.case_key, due.case_key) as case_key,
        coalesce(answered.{{ item }}, due.{{ item }}) as {{ item }},
        coalesce(answered.answer, due.answer) as answer
        {%- for name in extra %},
        answered.{{ name }}
        {%- endfor %}
    from due
    full outer join answered on due.case_key = answered.case_key and due.{{ item }} = answered.{{ item }}
)
{% endmacro %}
