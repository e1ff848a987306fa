select
    night,
    mission_code,
    table_name,
    rule_id,
    severity,
    status,
    cast(rows_checked as bigint) as rows_checked,
    cast(rows_failed as bigint) as rows_failed
from {{ ref('stg_rule_result') }}
order by night, mission_code, table_name, rule_id
