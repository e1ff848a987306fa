select
    unique_id,
    {{ night() }} as night,
    resource_type,
    name,
    status,
    cast(failures as bigint) as failures,
    table_name
from {{ ref('stg_dbt_result') }}
order by unique_id
