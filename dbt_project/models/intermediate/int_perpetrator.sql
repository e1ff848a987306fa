-- Perpetrators in accepted cases in canonical codes.
-- Where the form has no number, perpetrators are numbered by their order in the file, quarantined ones included.
with numbered as (
    select
        mission_code,
        source,
        source_row,
        case_key,
        role,
        gender,
        age_band,
        citizenship,
        coalesce(perpetrator_number, row_number() over (
            partition by mission_code, case_key
            order by source, source_row, role, gender, age_band, citizenship
        )) as perpetrator_number
    from {{ ref('stg_perpetrator') }}
)

select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    landed.perpetrator_number,
    {{ coded('perpetrator', 'role') }} as role,
    {{ coded('perpetrator', 'gender', missing='non_specified_unknown') }} as gender,
    {{ coded('perpetrator', 'age_band') }} as age_band,
    {{ country('citizenship') }} as citizenship
from {{ accepted_rows('perpetrator', 'numbered') }}
{{ code_maps('perpetrator', ['role', 'gender', 'age_band', 'citizenship']) }}
