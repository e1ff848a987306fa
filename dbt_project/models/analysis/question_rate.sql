{{ config(post_hook="{{ create_rate_macro() }}") }}

with rate as (
    select
        'all' as group_by,
        *
    from ({{ rate_by("'all'") }})
    union all
    select
        'mission_code' as group_by,
        *
    from ({{ rate_by('facts.mission_code') }})
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
