-- Kitagawa's decomposition of a change between two periods, mission by mission. A mission's weight is its share of the
-- cases whose answer is known. Within: its own share changed, at its mean weight. Mix: its weight changed, valued at how far
-- its share lies from everybody's. A mission with no case in one period has no change of its own: all of it is mix.
with counted as (
    select
        measure,
        {{ period_start('year(registered_month)') }} as first_year,
        mission_code,
        cast(sum(known) as bigint) as known,
        cast(sum(numerator) as bigint) as numerator
    from {{ ref('tally_representation') }}
    where measure <> 'everybody'
    group by all
),

period as (
    select
        measure,
        first_year,
        lag(first_year) over (partition by measure order by first_year) as previous_year,
        sum(known) as known,
        sum(numerator) as numerator
    from counted
    group by measure, first_year
),

step as (
    select
        now.measure,
        now.first_year,
        now.previous_year,
        now.known,
        before.known as previous_known,
        (now.numerator / now.known + before.numerator / before.known) / 2 as mean_share
    from period as now
    inner join period as before on now.measure = before.measure and now.previous_year = before.first_year
),

contributing as (
    select distinct
        step.measure,
        step.first_year,
        counted.mission_code
    from step
    inner join counted
        on step.measure = counted.measure and counted.first_year in (step.first_year, step.previous_year)
),

weighed as (
    select
        step.measure,
        step.previous_year,
        step.first_year,
        contributing.mission_code,
        coalesce(before.numerator, 0) as previous_numerator,
        coalesce(before.known, 0) as previous_denominator,
        coalesce(now.numerator, 0) as numerator,
        coalesce(now.known, 0) as denominator,
        coalesce(before.known, 0) / step.previous_known as previous_weight,
        coalesce(now.known, 0) / step.known as weight,
        before.numerator / before.known as previous_share,
        now.numerator / now.known as share,
        step.mean_share
    from contributing
    inner join step on contributing.measure = step.measure and contributing.first_year = step.first_year
    left join counted as now
        on
            contributing.measure = now.measure
            and contributing.mission_code = now.mission_code
            and step.first_year = now.first_year
    left join counted as before
        on
            contributing.measure = before.measure
            and contributing.mission_code = before.mission_code
            and step.previous_year = before.first_year
)

select
    measure,
    previous_year || '-' || (previous_year + 2) as previous_period,
    first_year || '-' || (first_year + 2) as period,
    mission_code,
    case
        when previous_share is null then 'new'
        when share is null then 'vanished'
        else 'stayed'
    end as mission_change,
    previous_numerator,
    previous_denominator,
    numerator,
    denominator,
    cast(previous_weight as double) as previous_weight,
    cast(weight as double) as weight,
    coalesce((previous_weight + weight) / 2 * (share - previous_share), 0) as within_mission,
    (weight - previous_weight) * (
        coalesce((previous_share + share) / 2, share, previous_share) - mean_share
    ) as mission_mix
from weighed
order by measure, first_year, mission_code
