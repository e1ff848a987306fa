select
    cast(night as date) as night,
    mission_code,
    table_name,
    rule_id,
    severity,
    status,
    rows_checked,
    rows_failed
from {{ source('build', 'rule_result') }}
