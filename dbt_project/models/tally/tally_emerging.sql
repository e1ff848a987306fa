{%- set missing = "('unknown', 'not_asked', 'non_specified_unknown')" -%}
-- What is known of the cases of a month, as dimension and value: what emerging looks for change in. Answers that are missing have no row,
-- so the cases of a dimension are those in which anything is known of it. Only where a fact may have several rows for a case are its
-- values made distinct, which of all at once would take the memory of all.
with one_value as (
    select
        facts.mission_code,
        facts.form_version,
        facts.registered_month,
        facts.gender,
        facts.is_minor,
        if(
            facts.gender in {{ missing }} or facts.is_minor in {{ missing }},
            'unknown',
            facts.gender || if(facts.is_minor = 'yes', '_minor', '_adult')
        ) as gender_and_age,
        facts.is_cross_border,
        coalesce(country.m49_subregion, 'unknown') as citizenship_subregion,
        if(
            facts.country_of_exploitation_basis = 'last_exploitation'
            and facts.citizenship is not null and facts.country_of_exploitation is not null,
            facts.citizenship || '_' || facts.country_of_exploitation,
            'unknown'
        ) as corridor
    from {{ ref('fct_case') }} as facts
    left join {{ ref('dim_country') }} as country on facts.citizenship = country.country_code
    where facts.registered_month is not null
),

case_trait as (
    unpivot one_value
    on columns(* exclude (mission_code, form_version, registered_month))
    into name dimension value value
),

listed as (
    select distinct
        case_key,
        'exploitation_type' as dimension,
        exploitation_type as value
    from {{ ref('fct_exploitation') }}
    union all
    select distinct
        case_key,
        'labour_sector' as dimension,
        labour_sector as value
    from {{ ref('fct_exploitation') }}
    union all
    select distinct
        case_key,
        'recruitment_method' as dimension,
        recruitment_method as value
    from {{ ref('fct_recruitment') }}
    union all
    select distinct
        case_key,
        'recruiter_relationship' as dimension,
        recruiter_relationship as value
    from {{ ref('fct_recruitment') }}
    union all
    select
        case_key,
        'means_of_control' as dimension,
        means_of_control as value
    from {{ ref('fct_control') }}
    where answer = 'yes'
),

trait as (
    select
        mission_code,
        form_version,
        registered_month,
        dimension,
        value,
        true as is_first
    from case_trait
    union all
    select
        facts.mission_code,
        facts.form_version,
        facts.registered_month,
        listed.dimension,
        listed.value,
        row_number() over (partition by listed.case_key, listed.dimension order by listed.value) = 1 as is_first
    from listed
    inner join {{ ref('fct_case') }} as facts on listed.case_key = facts.case_key
    where
        facts.registered_month is not null
        and listed.value is not null and listed.value not in {{ missing }}
)

select
    mission_code,
    form_version,
    registered_month,
    dimension,
    value,
    count(*) as answers,
    count(*) filter (is_first) as cases
from trait
where value is not null and value not in {{ missing }}
group by mission_code, form_version, registered_month, dimension, value
