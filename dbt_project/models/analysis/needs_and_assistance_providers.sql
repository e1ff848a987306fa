{%- set grain = ['gender', 'age_group', 'exploitation'] -%}
with {{ analysis_person() }},

{{ analysis_groups(grain) }},

provided as (
    select
        case_key,
        unnest(['any'] || if(service_type not in ('unknown', 'not_asked'), [service_type], [])) as service_type,
        provider_type
    from {{ ref('fct_assistance') }}
    where status = 'provided'
),

provider as (
    select
        case_key,
        service_type,
        provider_type,
        provider_type not in ('unknown', 'not_asked') as is_known,
        bool_or(provider_type not in ('unknown', 'not_asked')) over served as some_known,
        bool_or(provider_type = 'unknown') over served as was_asked
    from provided
    window served as (partition by case_key, service_type)
),

service as (
    select distinct service_type
    from provided
),

provider_answer as (
    select distinct
        provider.case_key,
        person.mission_code,
        provider.service_type as dimension,
        '' as item,
        provider.provider_type as value,
        if(provider.is_known, 'known', 'unknown') as state
    from provider
    inner join person on provider.case_key = person.case_key
    where provider.is_known or (not provider.some_known and provider.was_asked)
    union all
    -- nothing of the kind was provided
    select
        person.case_key,
        person.mission_code,
        service.service_type as dimension,
        '' as item,
        null as value,
        'not_applicable' as state
    from person
    cross join service
    where not exists (
        select 1
        from provided
        where provided.case_key = person.case_key and provided.service_type = service.service_type
    )
),

{{ analysis_answers(more=['provider_answer']) }},

{{ analysis_counted(grain, []) }}

select
    gender,
    age_group,
    exploitation,
    dimension as service_type,
    value as provider_type,
    {{ analysis_columns() }}
from counted
order by gender, age_group, exploitation, service_type, provider_type
