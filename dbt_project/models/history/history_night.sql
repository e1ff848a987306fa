-- The nights that history holds. `landing_sha256` says of which landed exports and verdicts a night was derived: when
-- they are others, the night is derived again, and those after it. Cases are counted anew each time, by what history
-- holds now: who was taken out of it is not counted on any night.
with holds as (
    select
        night,
        landing_sha256
    from {{ source('earlier', 'night') }}
    where night < {{ night() }}
    union all
    select
        night,
        landing_sha256
    from {{ ref('stg_derived_night') }}
),

begun as (
    select
        valid_from as night,
        count(*) as cases
    from {{ ref('history_fct_case') }}
    group by valid_from
),

ended as (
    select
        valid_until as night,
        count(*) as cases
    from {{ ref('history_fct_case') }}
    where valid_until is not null
    group by valid_until
),

moved as (
    select
        night,
        cases
    from begun
    union all
    select
        night,
        -cases as cases
    from ended
)

select
    holds.night,
    cast(coalesce(sum(moved.cases), 0) as bigint) as cases,
    holds.landing_sha256
from holds
left join moved on holds.night >= moved.night
group by holds.night, holds.landing_sha256
order by holds.night
