with mission_known as (
    select
        question,
        first_year,
        mission_code,
        cast(sum(cases) as bigint) as known
    from {{ ref('tally_identification') }}
    where question <> ''
    group by question, first_year, mission_code
),

total as (
    select
        question,
        first_year,
        cast(sum(known) as bigint) as denominator,
        count(*) as missions,
        max(known) / sum(known) as largest_mission_share
    from mission_known
    group by question, first_year
),

registered as (
    select
        first_year,
        cast(sum(cases) as bigint) as cases
    from {{ ref('tally_identification') }}
    where question = ''
    group by first_year
),

counted as (
    select
        question,
        first_year,
        identified_by,
        cast(sum(answers) as bigint) as numerator
    from {{ ref('tally_identification') }}
    where question <> ''
    group by question, first_year, identified_by
)

select
    counted.question,
    counted.first_year || '-' || (counted.first_year + 2) as period,
    counted.identified_by,
    counted.numerator,
    total.denominator,
    registered.cases,
    if(
        total.denominator >= {{ var('smallest_denominator') }}, round(counted.numerator / total.denominator, 4), null
    ) as share,
    if(
        total.denominator >= {{ var('smallest_denominator') }},
        round({{ wilson('counted.numerator', 'total.denominator', 'low') }}, 4),
        null
    ) as share_low,
    if(
        total.denominator >= {{ var('smallest_denominator') }},
        round({{ wilson('counted.numerator', 'total.denominator', 'high') }}, 4),
        null
    ) as share_high,
    if(total.denominator < {{ var('smallest_denominator') }}, 'too_few', null) as share_note,
    total.missions,
    round(total.largest_mission_share, 4) as largest_mission_share
from counted
inner join total on counted.question = total.question and counted.first_year = total.first_year
inner join registered on counted.first_year = registered.first_year
order by counted.question, period, counted.identified_by
