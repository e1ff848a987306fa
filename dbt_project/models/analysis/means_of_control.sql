-- A form that hardly ever stores a 'no' says nothing on how rare a means is: its cases are counted, but are in no rate.
with asked as (
    select
        control.case_key,
        control.means_of_control,
        control.answer,
        facts.mission_code,
        bool_or(control.answer = 'no') over form
        and count(*) filter (control.answer in ('yes', 'no')) over form
        >= {{ var('smallest_answered_share') }} * count(*) over form as stores_no
    from {{ ref('fct_control') }} as control
    inner join {{ ref('fct_case') }} as facts on control.case_key = facts.case_key
    window form as (partition by facts.mission_code, facts.form_version)
),

exploited as (
    select
        case_key,
        mission_code,
        gender,
        unnest(
            ['all']
            || if(is_sexual_exploitation = 'yes', ['sexual_exploitation'], [])
            || if(is_forced_labour = 'yes', ['forced_labour'], [])
            || if(is_other_exploitation = 'yes', ['other_exploitation'], [])
        ) as exploitation
    from {{ ref('fct_case') }}
),

member as (
    select
        case_key,
        mission_code,
        exploitation,
        unnest(['all', gender]) as gender
    from exploited
),

group_size as (
    select
        exploitation,
        gender,
        count(*) as cases
    from member
    group by exploitation, gender
),

counted as (
    select
        member.exploitation,
        member.gender,
        asked.means_of_control,
        count(*) as asked,
        count(*) filter (asked.answer = 'yes') as yes,
        count(*) filter (asked.answer = 'no') as no,
        count(*) filter (asked.answer = 'unknown') as unknown,
        count(*) filter (asked.answer = 'yes' and asked.stores_no) as numerator,
        count(*) filter (asked.answer in ('yes', 'no') and asked.stores_no) as denominator,
        count(distinct asked.mission_code) filter (asked.answer in ('yes', 'no') and asked.stores_no) as missions
    from member
    inner join asked on member.case_key = asked.case_key
    group by member.exploitation, member.gender, asked.means_of_control
)

select
    counted.exploitation,
    counted.gender,
    counted.means_of_control,
    counted.asked,
    counted.yes,
    counted.no,
    counted.unknown,
    group_size.cases - counted.asked as not_asked,
    counted.numerator,
    counted.denominator,
    if(
        counted.denominator >= {{ var('smallest_denominator') }},
        round(cast(counted.numerator / counted.denominator as double), 4),
        null
    ) as rate,
    case
        when counted.denominator >= {{ var('smallest_denominator') }} then null
        when counted.denominator = 0 then 'no_form_answers_enough'
        else 'too_few'
    end as rate_note,
    counted.missions
from counted
inner join group_size on counted.exploitation = group_size.exploitation and counted.gender = group_size.gender
order by counted.exploitation, counted.gender, counted.means_of_control
