-- 100 × the weighted mean of what is known of a mission tonight. A component that nothing is known of leaves the mean.
with coverage as (
    select
        mission_code,
        sum(answered) / nullif(sum(cases - not_asked - not_applicable), 0) as completeness
    from {{ ref('field_coverage') }}
    where item = ''
    group by mission_code
),

rules as (
    select
        mission_code,
        avg(1 - rows_failed / rows_checked) filter (status in ('passed', 'failed') and rows_checked > 0) as conformity
    from {{ ref('rule_result') }}
    where night = {{ night() }}
    group by mission_code
),

component as (
    select
        loaded.night,
        loaded.mission_code,
        coverage.completeness,
        loaded.rows_accepted / nullif(loaded.rows_accepted + loaded.rows_quarantined, 0) as validity,
        rules.conformity,
        case
            when loaded.loaded_night is null then 0.0
            when not loaded.is_stale then 1.0
            else greatest(0, 1 - (loaded.night - loaded.loaded_night) / 30)
        end as timeliness
    from {{ ref('load') }} as loaded
    left join coverage on loaded.mission_code = coverage.mission_code
    left join rules on loaded.mission_code = rules.mission_code
    where loaded.night = {{ night() }}
),

weighted as (
    select
        *,
        0.4 * coalesce(completeness, 0) + 0.3 * coalesce(validity, 0)
        + 0.1 * coalesce(conformity, 0) + 0.2 * timeliness as points,
        if(completeness is null, 0, 0.4) + if(validity is null, 0, 0.3)
        + if(conformity is null, 0, 0.1) + 0.2 as weight
    from component
)

select
    mission_code,
    night,
    round(cast(100 * points / weight as double), 1) as score,
    cast(to_json({
        'completeness': round(cast(completeness as double), 3),
        'validity': round(cast(validity as double), 3),
        'conformity': round(cast(conformity as double), 3),
        'timeliness': round(cast(timeliness as double), 3)
    }) as varchar) as components
from weighted
order by night, mission_code
