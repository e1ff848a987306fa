-- Days without a gap, from the month of the first case to the end of the night's month: the time spine of the metrics.
with span as (
    select
        coalesce(min(registered_month), date_trunc('month', {{ night() }})) as first_day,
        last_day({{ night() }}) as last_day
    from {{ ref('fct_case') }}
),

calendar as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as calendar_day
    from span
)

select
    calendar_day,
    cast(date_trunc('month', calendar_day) as date) as month_start,
    cast(year(calendar_day) as integer) as calendar_year,
    {{ period_start('year(calendar_day)') }} as three_years_from
from calendar
order by calendar_day
