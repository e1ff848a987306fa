-- A service is a dimension, `any` one of them. Those to whom it was provided are a state of their own: for everybody else it makes no
-- sense to ask by whom, and a service that a mission never gave has no row.
with {{ tally_person() }},

{{ tally_groups(['gender', 'age_group', 'exploitation']) }},

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

provided_case as (
    select distinct
        case_key,
        service_type
    from provided
),

provider_answer as (
    select
        placed.cell,
        served.service_type as dimension,
        '' as item,
        served.provider_type as value,
        if(served.is_known, 'known', 'unknown') as state,
        row_number() over (partition by served.case_key, served.service_type order by served.provider_type) = 1 as is_first
    from served
    inner join placed on served.case_key = placed.case_key
    union all
    select
        placed.cell,
        provided_case.service_type as dimension,
        '' as item,
        null as value,
        'provided' as state,
        true as is_first
    from provided_case
    inner join placed on provided_case.case_key = placed.case_key
),

{{ tally_answers(more=['provider_answer']) }},

{{ tally_counted(['gender', 'age_group', 'exploitation']) }}
