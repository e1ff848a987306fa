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

-- either known providers, or one that is not known
served as (
    select distinct
        case_key,
        service_type,
        provider_type,
        is_known
    from provider
    where is_known or (not some_known and was_asked)
),

provider_answer as (
    select
        placed.cell,
        served.service_type as dimension,
        '' as item,
        served.provider_type as value,
        if(served.is_known, 'known', 'unknown') as state,
        row_number() over (partition by served.case_key, served.service_type) = 1 as is_first
    from served
    inner join placed on served.case_key = placed.case_key
    union all
    -- nothing of the kind was provided
    select
        person.cell,
        service.service_type as dimension,
        '' as item,
        null as value,
        'not_applicable' as state,
        true as is_first
    from placed as person
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
