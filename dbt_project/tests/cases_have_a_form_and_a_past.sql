-- A case was loaded on some night, is registered no later than this one, and on a form that its mission's contract describes.
select
    facts.mission_code,
    facts.form_version
from {{ ref('fct_case') }} as facts
left join {{ ref('int_form') }} as form
    on facts.mission_code = form.mission_code and facts.form_version = form.form_version
where facts.registered_month > {{ night() }} or facts.loaded_night is null or form.mission_code is null
