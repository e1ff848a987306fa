select
    mission_code,
    case_key,
    source,
    source_row,
    merged_into_key
from {{ source('build', 'case') }}
where merged_into_key is not null
