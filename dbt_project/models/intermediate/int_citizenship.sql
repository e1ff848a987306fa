-- Citizenships of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ country('citizenship') }} as citizenship,
    landed.citizenship_number,
    landed.source,
    landed.source_row
from {{ accepted_rows('citizenship') }}
{{ code_maps('citizenship', ['citizenship']) }}
