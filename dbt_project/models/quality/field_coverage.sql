with coverage as (
    select * from {{ ref('int_coverage_case') }}
    union all by name
    select * from {{ ref('int_coverage_item') }}
    union all by name
    select * from {{ ref('int_coverage_child') }}
)

select
    table_name,
    field,
    item,
    mission_code,
    form_version,
    cast(cases as bigint) as cases,
    cast(yes as bigint) as yes,
    cast(no as bigint) as no,
    cast(answered as bigint) as answered,
    cast(cases - answered - not_asked - not_applicable as bigint) as unknown,
    cast(not_asked as bigint) as not_asked,
    cast(not_applicable as bigint) as not_applicable
from coverage
order by table_name, field, item, mission_code, form_version
