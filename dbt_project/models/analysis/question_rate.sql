{{ config(post_hook="{{ create_rate_macro() }}") }}

with unanswered as (
    select
        form.mission_code,
        form.form_version,
        form.question,
        form.reason,
        form.cases - coalesce(sum(given.cases), 0) as cases
    from {{ ref('dim_form_question') }} as form
    left join {{ ref('int_answer') }} as given
        on
            form.mission_code = given.mission_code
            and form.form_version = given.form_version
            and form.question = given.question
    group by form.mission_code, form.form_version, form.question, form.reason, form.cases
),

answered as (
    select
        given.question,
        given.answer,
        form.reason,
        given.mission_code,
        given.mission_code as group_value,
        given.cases
    from {{ ref('int_answer') }} as given
    inner join {{ ref('dim_form_question') }} as form
        on
            given.mission_code = form.mission_code
            and given.form_version = form.form_version
            and given.question = form.question
    union all
    select
        question,
        'not_asked' as answer,
        reason,
        mission_code,
        mission_code as group_value,
        cases
    from unanswered
    where cases > 0
),

rate as (
    select
        question,
        if(grouping(group_value) = 1, 'all', 'mission_code') as group_by,
        coalesce(group_value, 'all') as group_value,
        {{ rate_columns(cases='cases') }}
    from answered
    group by question, rollup(group_value)
)

select
    question,
    group_by,
    group_value,
    cases,
    numerator,
    denominator,
    rate,
    reason,
    unknown,
    not_asked,
    left_out,
    missions
from rate
order by question, group_by, group_value
