{%- set dimensions = analysis_themes('profiles').values() | sum(start=[]) -%}
{%- set grain = ['period_kind', 'period', 'group_by', 'group_value'] -%}
-- a case is in all, and in its window and its year if it has one
with tally as (
    select
        *,
        'all' as period_kind,
        'all' as period
    from {{ ref('tally_profiles') }}
    union all
    select
        *,
        'window' as period_kind,
        {{ tally_window('registration_year') }} as period
    from {{ ref('tally_profiles') }}
    where registration_year is not null
    union all
    select
        *,
        'year' as period_kind,
        registration_year::varchar as period
    from {{ ref('tally_profiles') }}
    where registration_year is not null
),

{{ analysis_counted('tally', grain, dimensions) }}

select
    period_kind,
    period,
    group_by,
    group_value,
    dimension,
    value,
    {{ analysis_columns() }}
from counted
order by period_kind, period, group_by, group_value, dimension, value
