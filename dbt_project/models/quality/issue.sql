select
    night,
    mission_code,
    kind,
    table_name,
    field,
    detail,
    cast(sum(rows) as bigint) as rows
from {{ ref('stg_signal') }}
group by night, mission_code, kind, table_name, field, detail
order by night, mission_code, kind, table_name, field, detail
