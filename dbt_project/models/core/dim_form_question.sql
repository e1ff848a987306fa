{%- set counted = "('" ~ var('relations_in_rates') | join("', '") ~ "')" -%}
{%- set relations = "['exact', 'narrower', 'close', 'broader']" -%}
with question as (
    select
        'control' as table_name,
        'means_of_control' as field,
        code as item,
        'control.' || code as question,
        true as may_lack_no
    from {{ ref('dim_code') }}
    where code_list = 'means_of_control' and code not in ('unknown', 'not_asked')
    union all
    select
        'vulnerability' as table_name,
        'factor' as field,
        code as item,
        'vulnerability.' || code as question,
        true as may_lack_no
    from {{ ref('dim_code') }}
    where code_list = 'vulnerability_factor' and code not in ('unknown', 'not_asked')
    {% for question in case_questions() -%}
        union all
        select
            'case' as table_name,
            '{{ question.field }}' as field,
            '' as item,
            'case.{{ question.name }}' as question,
            {{ question.may_lack_no }} as may_lack_no
    {% endfor %}
),

exploitation_flag as (
    {% for question in case_questions() if question.types -%}
        select
            'case.{{ question.name }}' as question,
            unnest(['{{ question.types | join("', '") }}']) as item
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- what a form says of each field and item, over the groups of columns that it stands in
asked as (
    select
        mission_code,
        form_version,
        table_name,
        field,
        coalesce(item, '') as item,
        max(list_position({{ relations }}, coalesce(relation, 'exact'))) as looseness,
        string_agg(distinct note, '; ' order by note) as note
    from {{ ref('stg_asked') }}
    where is_asked
    group by mission_code, form_version, table_name, field, coalesce(item, '')
),

-- kinds of exploitation that are no flags of the form are items of its list: the one that fits best speaks for the kind
listed as (
    select
        asked.mission_code,
        asked.form_version,
        exploitation_flag.question,
        min(asked.looseness) as looseness,
        arg_min(asked.note, (asked.looseness, asked.item)) as note
    from asked
    inner join exploitation_flag
        on
            asked.table_name = 'exploitation'
            and asked.field = 'exploitation_type'
            and asked.item = exploitation_flag.item
    group by asked.mission_code, asked.form_version, exploitation_flag.question
),

answered as (
    select
        mission_code,
        form_version,
        question,
        split_part(question, '.', 1) as table_name,
        coalesce(sum(cases) filter (answer = 'yes'), 0) as yes,
        coalesce(sum(cases) filter (answer = 'no'), 0) as no,
        coalesce(sum(cases) filter (answer = 'unknown'), 0) as unknown
    from {{ ref('int_answer') }}
    group by mission_code, form_version, question
),

-- a form that leaves a no blank does so in all items of a list
habit as (
    select
        mission_code,
        form_version,
        table_name,
        sum(no) > 0 and sum(yes + no) >= {{ var('smallest_answered_share') }} * sum(yes + no + unknown) as stores_no
    from answered
    group by mission_code, form_version, table_name
),

form_size as (
    select
        mission_code,
        form_version,
        count(*) as cases
    from {{ ref('fct_case') }}
    group by mission_code, form_version
),

told as (
    select
        question.question,
        question.table_name,
        question.field,
        question.item,
        form.mission_code,
        form.form_version,
        coalesce(direct.looseness, listed.looseness) as looseness,
        coalesce(direct.note, listed.note) as note,
        coalesce(form_size.cases, 0) as cases,
        coalesce(answered.yes, 0) as yes,
        coalesce(answered.no, 0) as no,
        coalesce(answered.unknown, 0) as unknown,
        case
            when not question.may_lack_no then false
            when question.table_name = 'case' then answered.no = 0 and answered.unknown > 0
            else not habit.stores_no
        end as stores_only_yes
    from {{ ref('int_form') }} as form
    cross join question
    left join asked as direct
        on
            form.mission_code = direct.mission_code
            and form.form_version = direct.form_version
            and question.table_name = direct.table_name
            and question.field = direct.field
            and question.item = direct.item
    left join listed
        on
            form.mission_code = listed.mission_code
            and form.form_version = listed.form_version
            and question.question = listed.question
    left join answered
        on
            form.mission_code = answered.mission_code
            and form.form_version = answered.form_version
            and question.question = answered.question
    left join habit
        on
            form.mission_code = habit.mission_code
            and form.form_version = habit.form_version
            and question.table_name = habit.table_name
    left join form_size on form.mission_code = form_size.mission_code and form.form_version = form_size.form_version
)

select
    question,
    mission_code,
    form_version,
    cast(({{ relations }})[looseness] as varchar) as relation,
    note,
    cast(cases as bigint) as cases,
    cast(yes as bigint) as yes,
    cast(no as bigint) as no,
    cast(unknown as bigint) as unknown,
    case
        when looseness is null or (cases > 0 and yes + no + unknown = 0) then 'not_asked'
        when ({{ relations }})[looseness] not in {{ counted }} then 'relation_too_loose'
        when stores_only_yes then 'stores_only_yes'
    end as reason
from told
order by question, mission_code, form_version
