with yearly as (
    select
        mission_code,
        registration_year,
        cast(sum(cases) as bigint) as cases,
        count(*) as months,
        count(*) filter (is_bulk) as bulk_months,
        cast(coalesce(sum(cases) filter (is_bulk), 0) as bigint) as bulk_cases,
        arg_max(registered_month, (cases, registered_month)) as largest_month,
        max(cases) as largest_month_cases
    from {{ ref('representation_month') }}
    group by mission_code, registration_year
),

placed as (
    select
        *,
        registration_year = min(registration_year) over (partition by mission_code) as is_first_year,
        sum(cases) over (partition by registration_year) as all_cases,
        lag(cases) over (partition by mission_code order by registration_year) as previous_cases,
        median(cases) over (partition by mission_code) as usual_cases
    from yearly
)

select
    mission_code,
    registration_year,
    cases,
    cast(all_cases as bigint) as all_cases,
    round(cases / nullif(all_cases, 0), 4) as share_of_year,
    previous_cases,
    usual_cases,
    bulk_months > 0 or cases > {{ var('bulk_year_ratio') }} * usual_cases + {{ var('bulk_year_margin') }} as is_bulk,
    is_first_year,
    months,
    bulk_months,
    bulk_cases,
    if(cases = 0, null, largest_month) as largest_month,
    round(largest_month_cases / nullif(cases, 0), 4) as largest_month_share
from placed
order by registration_year, mission_code
