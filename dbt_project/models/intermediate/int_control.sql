-- Answers on means of control of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('control', 'means_of_control') }} as means_of_control,
    -- NULL: nothing was answered; what that means depends on how the form asks (item_answers)
    if(landed.answer is not null, coalesce(map_answer.code, 'unmapped'), null) as answer
from {{ accepted_rows('control') }}
{{ code_maps('control', ['means_of_control', 'answer']) }}
