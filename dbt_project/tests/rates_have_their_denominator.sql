-- Law 8: who was not asked, or whose form may not be counted, is in no denominator; every case of a group is in one of four
-- counts; the rate over all missions is made of those of the missions and of nothing else; no rate without 20 answers, and no gap without
-- a reason.
with mission as (
    select
        question,
        sum(cases) as cases,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(*) filter (denominator > 0) as missions
    from {{ ref('question_rate') }}
    where group_by = 'mission_code'
    group by question
),

not_counted as (
    select
        question,
        mission_code
    from {{ ref('dim_form_question') }}
    where cases > 0
    group by question, mission_code
    having bool_and(reason is not null)
),

wrong as (
    select
        rate.question,
        rate.group_value,
        'a mission that may not be counted is in the denominator' as problem
    from {{ ref('question_rate') }} as rate
    inner join not_counted on rate.question = not_counted.question and rate.group_value = not_counted.mission_code
    where rate.group_by = 'mission_code' and (rate.denominator > 0 or rate.rate is not null or rate.reason is null)
    union all
    select
        question,
        group_value,
        'the counts do not add up, or a rate and its reason are not one of two' as problem
    from {{ ref('question_rate') }}
    where
        cases != denominator + unknown + not_asked + left_out
        or numerator > denominator
        or (rate is null) = (reason is null)
        or (rate is not null and denominator < {{ var('smallest_denominator') }})
        or (reason = 'not_asked' and not_asked < cases)
    union all
    select
        rate.question,
        rate.group_value,
        'the rate over all is not made of those of the missions' as problem
    from {{ ref('question_rate') }} as rate
    inner join mission on rate.question = mission.question
    where
        rate.group_by = 'all'
        and (rate.cases, rate.numerator, rate.denominator, rate.missions)
        != (mission.cases, mission.numerator, mission.denominator, mission.missions)
)

select
    question,
    group_value,
    problem
from wrong
