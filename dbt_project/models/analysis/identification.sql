-- Two answers to who identified a person: the organisation that referred them, and the one that decided on their status.
with answered as (
    select
        'referral_source' as question,
        case_key,
        mission_code,
        registration_year,
        referral_source as identified_by
    from {{ ref('fct_case') }}
    union all
    select distinct
        'screening' as question,
        facts.case_key,
        facts.mission_code,
        facts.registration_year,
        screening.decided_by as identified_by
    from {{ ref('fct_screening') }} as screening
    inner join {{ ref('fct_case') }} as facts on screening.case_key = facts.case_key
),

known as (
    select
        question,
        case_key,
        mission_code,
        {{ period_start('registration_year') }} as first_year,
        identified_by
    from answered
    where registration_year is not null and identified_by not in ('unknown', 'not_asked')
),

mission_known as (
    select
        question,
        first_year,
        mission_code,
        count(distinct case_key) as known
    from known
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
        {{ period_start('registration_year') }} as first_year,
        count(*) as cases
    from {{ ref('fct_case') }}
    where registration_year is not null
    group by first_year
),

counted as (
    select
        question,
        first_year,
        identified_by,
        count(*) as numerator
    from known
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
