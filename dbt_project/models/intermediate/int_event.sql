-- Historic events of accepted cases in canonical codes, numbered (see the macro `numbered`).
with {{ numbered('event', 'event_number', ['event_type', 'country', 'year']) }}

select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    landed.event_number,
    {{ coded('event', 'event_type') }} as event_type,
    {{ country('country') }} as country,
    landed.year
from {{ accepted_rows('event', 'numbered') }}
{{ code_maps('event', ['event_type', 'country']) }}
