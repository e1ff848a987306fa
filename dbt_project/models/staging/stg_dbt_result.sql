{{ config(tags=['quality']) }}

select
    unique_id,
    resource_type,
    name,
    status,
    failures,
    table_name
from {{ source('build', 'dbt_result') }}
where resource_type != 'operation'
