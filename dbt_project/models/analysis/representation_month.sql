-- A month is bulk where a mission registered far more than in its usual month, the median of the three years on either side:
-- a backlog typed in, a closed project handed over. Months without a case count; a mission begins with its first one.
with counted as (
    select
        mission_code,
        registered_month,
        known as cases
    from {{ ref('tally_representation') }}
    where measure = 'everybody'
),

mission_month as (
    select
        mission_code,
        unnest(generate_series(
            min(registered_month), date_trunc('month', {{ night() }}), interval 1 month
        )) as registered_month
    from counted
    group by mission_code
),

monthly as (
    select
        mission_month.mission_code,
        cast(mission_month.registered_month as date) as registered_month,
        coalesce(counted.cases, 0) as cases
    from mission_month
    left join counted
        on
            mission_month.mission_code = counted.mission_code
            and mission_month.registered_month = counted.registered_month
),

usual as (
    select
        *,
        median(cases) over near as usual_cases
    from monthly
    window near as (
        partition by mission_code order by registered_month rows between 36 preceding and 36 following
    )
)

select
    mission_code,
    registered_month,
    cast(year(registered_month) as integer) as registration_year,
    cases,
    usual_cases,
    cases > {{ var('bulk_ratio') }} * usual_cases + {{ var('bulk_margin') }} as is_bulk,
    round(cases / nullif(sum(cases) over (partition by mission_code, year(registered_month)), 0), 4) as share_of_year
from usual
order by mission_code, registered_month
