{{ config(materialized='view') }}

with given as (
    {{ answered_questions(ref('fct_case'), ref('fct_control'), ref('fct_vulnerability')) }}
)

select
    facts.case_key,
    facts.mission_code,
    facts.form_version,
    form.question,
    coalesce(given.answer, 'not_asked') as answer,
    form.reason
from {{ ref('fct_case') }} as facts
inner join {{ ref('dim_form_question') }} as form
    on facts.mission_code = form.mission_code and facts.form_version = form.form_version
left join given on facts.case_key = given.case_key and form.question = given.question
