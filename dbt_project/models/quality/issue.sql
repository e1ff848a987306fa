with signal as (
    select
        night,
        mission_code,
        kind,
        table_name,
        field,
        detail,
        rows
    from {{ ref('stg_signal') }}
    union all
    select
        night,
        mission_code,
        'case_' || change as kind,
        'case' as table_name,
        cast(null as varchar) as field,
        case change
            when 'vanished' then 'no longer among the accepted cases'
            when 'reappeared' then 'among the accepted cases again'
            when 'merged' then 'the record says into which case it was merged'
        end as detail,
        1 as rows
    from {{ ref('case_change') }}
    where change in ('vanished', 'reappeared', 'merged')
)

select
    night,
    mission_code,
    kind,
    table_name,
    field,
    detail,
    cast(sum(rows) as bigint) as rows
from signal
group by night, mission_code, kind, table_name, field, detail
order by night, mission_code, kind, table_name, field, detail
