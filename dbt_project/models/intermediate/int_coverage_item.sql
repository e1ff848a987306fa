with form_size as (
    select
        mission_code,
        form_version,
        count(*) as cases
    from {{ ref('fct_case') }}
    group by mission_code, form_version
),

due as (
    select
        if(dim_code.code_list = 'means_of_control', 'control', 'vulnerability') as table_name,
        if(dim_code.code_list = 'means_of_control', 'means_of_control', 'factor') as field,
        dim_code.code as item,
        form_size.mission_code,
        form_size.form_version,
        form_size.cases
    from {{ ref('dim_code') }} as dim_code
    cross join form_size
    where
        dim_code.code_list in ('means_of_control', 'vulnerability_factor')
        and dim_code.code not in ('unknown', 'not_asked')
),

counted as (
    select
        split_part(question, '.', 1) as table_name,
        split_part(question, '.', 2) as item,
        mission_code,
        form_version,
        coalesce(sum(cases) filter (answer = 'yes'), 0)::bigint as yes,
        coalesce(sum(cases) filter (answer = 'no'), 0)::bigint as no,
        coalesce(sum(cases) filter (answer = 'unknown'), 0)::bigint as unknown
    from {{ ref('int_answer') }}
    group by all
)

select
    due.table_name,
    due.field,
    due.item,
    due.mission_code,
    due.form_version,
    due.cases,
    coalesce(counted.yes, 0) as yes,
    coalesce(counted.no, 0) as no,
    coalesce(counted.yes + counted.no, 0) as answered,
    due.cases - coalesce(counted.yes + counted.no + counted.unknown, 0) as not_asked,
    0 as not_applicable
from due
left join counted
    on
        due.table_name = counted.table_name
        and due.item = counted.item
        and due.mission_code = counted.mission_code
        and due.form_version = counted.form_version
