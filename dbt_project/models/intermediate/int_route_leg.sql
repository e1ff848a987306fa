-- Legs of the routes of accepted cases in canonical codes.
-- Where the form has no number, legs are numbered by their order in the file, quarantined ones included.
with numbered as (
    select
        mission_code,
        source,
        source_row,
        case_key,
        from_country,
        to_country,
        year,
        coalesce(leg_number, row_number() over (
            partition by mission_code, case_key
            order by source, source_row, from_country, to_country, year
        )) as leg_number
    from {{ ref('stg_route_leg') }}
)

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
