-- What tonight did to each case, after what every earlier night did.
with recursive merged as (
    select
        landed.case_key,
        landed.merged_into_key as into_case_key
    from {{ ref('stg_case') }} as landed
    anti join {{ ref('int_quarantined_row') }} as quarantined
        on
            landed.mission_code = quarantined.mission_code
            and landed.source = quarantined.source
            and landed.source_row = quarantined.source_row
    where landed.merged_into_key is not null
    union
    select
        merged.case_key,
        further.merged_into_key as into_case_key
    from merged
    inner join {{ ref('stg_case') }} as further on merged.into_case_key = further.case_key
    where further.merged_into_key is not null
),

-- a merged record's survivor is the end of its chain
survivor as (
    select
        merged.case_key,
        max(merged.into_case_key) as into_case_key
    from merged
    anti join merged as further on merged.into_case_key = further.case_key
    group by merged.case_key
),

known as (
    select
        held.mission_code,
        held.case_key,
        bool_or(held.valid_until is null) as is_here,
        bool_or(held.valid_from < {{ night() }} and (held.valid_until is null or held.valid_until = {{ night() }})) as was_here,
        bool_or(held.valid_from < {{ night() }}) as was_ever_here
    from {{ ref('history_fct_case') }} as held
    semi join {{ ref('int_touched_case') }} as touched on held.case_key = touched.case_key and touched.night = {{ night() }}
    group by held.mission_code, held.case_key
),

tonight as (
    select
        known.mission_code,
        known.case_key,
        case
            when known.was_here and known.is_here then 'changed'
            when known.was_here and survivor.case_key is not null then 'merged'
            when known.was_here then 'vanished'
            when known.was_ever_here then 'reappeared'
            else 'appeared'
        end as change,
        if(known.was_here and not known.is_here, survivor.into_case_key, null) as into_case_key
    from known
    left join survivor on known.case_key = survivor.case_key
    where known.was_here or known.is_here
)

select
    earlier.night,
    earlier.mission_code,
    earlier.case_key,
    earlier.change,
    earlier.into_case_key
from {{ source('earlier', 'case_change') }} as earlier
where earlier.night < {{ night() }}
union all
select
    {{ night() }} as night,
    mission_code,
    case_key,
    change,
    into_case_key
from tonight
order by night, mission_code, case_key
