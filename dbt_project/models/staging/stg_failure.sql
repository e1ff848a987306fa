select
    mission_code,
    table_name,
    source,
    source_row,
    rule_id
from {{ source('build', 'failure') }}
