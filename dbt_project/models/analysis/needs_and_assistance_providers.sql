{%- set grain = ['gender', 'age_group', 'exploitation'] -%}
with provided as (
    select
        mission_code,
        gender,
        age_group,
        exploitation,
        dimension,
        cases
    from {{ ref('tally_needs_and_assistance_providers') }}
    where state = 'provided'
),

service as (
    select distinct dimension
    from provided
),

tally as (
    select *
    from {{ ref('tally_needs_and_assistance_providers') }}
    where state <> 'provided'
    union all
    -- nothing of the kind was provided
    select
        everybody.mission_code,
        everybody.gender,
        everybody.age_group,
        everybody.exploitation,
        service.dimension,
        '' as item,
        null as value,
        'not_applicable' as state,
        0 as answers,
        everybody.cases - coalesce(provided.cases, 0) as cases
    from {{ ref('tally_needs_and_assistance_providers') }} as everybody
    cross join service
    left join provided
        on
            everybody.mission_code = provided.mission_code
            and everybody.gender = provided.gender
            and everybody.age_group = provided.age_group
            and everybody.exploitation = provided.exploitation
            and service.dimension = provided.dimension
    where everybody.state = 'everybody'
),

{{ analysis_counted('tally', grain, []) }}

select
    gender,
    age_group,
    exploitation,
    dimension as service_type,
    value as provider_type,
    {{ analysis_columns() }}
from counted
order by gender, age_group, exploitation, service_type, provider_type
