-- Fields that only one mission has, for accepted cases. The code map names the local field itself; `label` explains the value.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    landed.field,
    case when landed.value is null then 'unknown' else coalesce(value_map.code, 'unmapped') end as value,
    value_map.label
from {{ accepted_rows('local_attribute') }}
left join {{ ref('stg_code_map') }} as value_map
    on
        landed.mission_code = value_map.mission_code
        and value_map.table_name = 'local_attribute'
        and value_map.field = 'value'
        and landed.value = value_map.local_code
