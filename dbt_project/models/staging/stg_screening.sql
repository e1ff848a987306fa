select
    mission_code,
    case_key,
    source,
    source_row,
    case_reading,
    decision,
    decided_by,
    decided_month,
    decided_on_reading
from {{ source('build', 'screening') }}
