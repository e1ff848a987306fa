-- Legs of the routes of accepted cases in canonical codes, numbered (see the macro `numbered`).
with {{ numbered('route_leg', 'leg_number', ['from_country', 'to_country', 'year']) }}

select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    landed.leg_number,
    {{ country('from_country') }} as from_country,
    {{ country('to_country') }} as to_country,
    landed.year
from {{ accepted_rows('route_leg', 'numbered') }}
{{ code_maps('route_leg', ['from_country', 'to_country']) }}
