-- The file is named after its mission, whether or not it has a column for it.
select
    parse_filename(filename, true) as mission_code,
    source,
    source_row,
    case_key
from {{ source('build', 'rows') }}
