{{ config(materialized='table') }}

select
    mission_code,
    table_name,
    field,
    local_code,
    code,
    relation,
    label
from {{ source('build', 'code_map') }}
