{%- set dimensions = [
    'gender', 'age_band', 'is_minor', 'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation',
    'is_cross_border', 'trafficking_status',
] -%}
with registered as (
    select
        facts.registration_year,
        facts.mission_code,
        'all' as everybody,
        {% for dimension in dimensions -%}
            facts.{{ dimension }},
        {% endfor -%}
        coalesce(country.m49_region, 'unknown') as citizenship_region,
        case country.is_south_eastern_europe
            when true then 'yes'
            when false then 'no'
            else 'unknown'
        end as is_south_eastern_european
    from {{ ref('fct_case') }} as facts
    left join {{ ref('dim_country') }} as country on facts.citizenship = country.country_code
    where facts.registration_year is not null
),

answer as (
    unpivot registered
    on columns(* exclude (registration_year, mission_code))
    into name dimension value value
),

contribution as (
    select
        registration_year,
        dimension,
        value,
        mission_code,
        value not in ('unknown', 'not_asked', 'non_specified_unknown') as is_known,
        count(*) as cases
    from answer
    group by all
),

mission_total as (
    select
        registration_year,
        dimension,
        mission_code,
        sum(cases) as known
    from contribution
    where is_known
    group by all
),

total as (
    select
        registration_year,
        dimension,
        sum(known) as known,
        count(*) as missions,
        max(known) as largest
    from mission_total
    group by all
),

missing as (
    select
        registration_year,
        dimension,
        coalesce(sum(cases) filter (value = 'not_asked'), 0) as not_asked,
        coalesce(sum(cases) filter (value in ('unknown', 'non_specified_unknown')), 0) as unknown
    from contribution
    group by all
),

counted as (
    select
        registration_year,
        dimension,
        value,
        sum(cases) as numerator
    from contribution
    where is_known
    group by all
)

select
    counted.registration_year,
    if(counted.dimension = 'everybody', 'all', counted.dimension) as dimension,
    counted.value,
    cast(counted.numerator as bigint) as numerator,
    cast(total.known as bigint) as denominator,
    case
        when total.known >= {{ var('smallest_denominator') }}
            then round(cast(counted.numerator / total.known as double), 4)
    end as share,
    if(total.known < {{ var('smallest_denominator') }}, 'too_few', null) as share_note,
    cast(missing.unknown as bigint) as unknown,
    cast(missing.not_asked as bigint) as not_asked,
    cast(total.missions as bigint) as missions,
    round(cast(total.largest / total.known as double), 4) as largest_mission_share
from counted
inner join total on counted.registration_year = total.registration_year and counted.dimension = total.dimension
inner join missing on counted.registration_year = missing.registration_year and counted.dimension = missing.dimension
order by counted.registration_year, dimension, counted.value
