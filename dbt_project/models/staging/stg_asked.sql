select
    mission_code,
    coalesce(form_version, '') as form_version,
    table_name,
    field,
    item,
    mode,
    not_chosen,
    is_asked,
    relation,
    note,
    item_group
from {{ source('build', 'asked') }}
