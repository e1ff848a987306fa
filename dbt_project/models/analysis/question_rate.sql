{{ config(post_hook="{{ create_rate_macro() }}") }}

with answered as (
    select
        given.question,
        given.answer,
        given.reason,
        facts.mission_code,
        facts.mission_code as group_value
    from {{ ref('int_answer') }} as given
    inner join {{ ref('fct_case') }} as facts on given.case_key = facts.case_key
),

rate as (
    select
        question,
        if(grouping(group_value) = 1, 'all', 'mission_code') as group_by,
        coalesce(group_value, 'all') as group_value,
        {{ rate_columns() }}
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
