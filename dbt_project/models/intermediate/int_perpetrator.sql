-- Perpetrators in accepted cases in canonical codes, numbered (see the macro `numbered`); a row for each role.
with {{ numbered('perpetrator', 'perpetrator_number', ['role_number', 'role', 'gender', 'age_band', 'citizenship'], same_place=true) }}

select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    landed.perpetrator_number,
    -- roles of one perpetrator on several rows of a file follow each other in its order
    row_number() over (
        partition by parent.case_key, landed.perpetrator_number
        order by landed.source, landed.source_row, landed.role_number, landed.role
    ) as role_number,
    {{ coded('perpetrator', 'role') }} as role,
    {{ coded('perpetrator', 'gender', missing='non_specified_unknown') }} as gender,
    {{ coded('perpetrator', 'age_band') }} as age_band,
    {{ country('citizenship') }} as citizenship
from {{ accepted_rows('perpetrator', 'numbered') }}
{{ code_maps('perpetrator', ['role', 'gender', 'age_band', 'citizenship']) }}
