with given as (
    {{ answered_questions(ref('fct_case'), ref('fct_control'), ref('fct_vulnerability')) }}
)

select
    facts.mission_code,
    facts.form_version,
    given.question,
    given.answer,
    count(*) as cases
from given
inner join {{ ref('fct_case') }} as facts on given.case_key = facts.case_key
group by facts.mission_code, facts.form_version, given.question, given.answer
