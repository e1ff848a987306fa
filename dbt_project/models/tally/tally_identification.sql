-- Two answers to who identified a person: the organisation that referred them, and the one that decided on their status. A case with
-- several answers to a question is counted with the first (`cases`). The row without a question counts everybody.
with answered as (
    select
        case_key,
        mission_code,
        registration_year,
        'referral_source' as question,
        referral_source as identified_by,
        true as is_first
    from {{ ref('fct_case') }}
    where referral_source not in ('unknown', 'not_asked')
    union all
    select
        facts.case_key,
        facts.mission_code,
        facts.registration_year,
        'screening' as question,
        screening.decided_by as identified_by,
        row_number() over (partition by facts.case_key order by screening.decided_by) = 1 as is_first
    from (
        select distinct
            case_key,
            decided_by
        from {{ ref('fct_screening') }}
        where decided_by not in ('unknown', 'not_asked')
    ) as screening
    inner join {{ ref('fct_case') }} as facts on screening.case_key = facts.case_key
    union all
    select
        case_key,
        mission_code,
        registration_year,
        '' as question,
        '' as identified_by,
        true as is_first
    from {{ ref('fct_case') }}
)

select
    mission_code,
    {{ period_start('registration_year') }} as first_year,
    question,
    identified_by,
    count(*) as answers,
    count(*) filter (is_first) as cases
from answered
where registration_year is not null
group by mission_code, first_year, question, identified_by
