select
    code_list,
    code,
    label,
    definition,
    source
from {{ ref('code') }}
order by code_list, code
