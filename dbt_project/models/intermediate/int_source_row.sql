select
    landed.mission_code,
    landed.source,
    landed.source_row,
    landed.case_key,
    if(quarantined.source_row is null, 'accepted', 'quarantined') as outcome,
    coalesce(quarantined.rule_ids, []) as rule_ids
from {{ ref('stg_rows') }} as landed
left join {{ ref('int_quarantined_row') }} as quarantined
    on
        landed.mission_code = quarantined.mission_code
        and landed.source = quarantined.source
        and landed.source_row = quarantined.source_row
