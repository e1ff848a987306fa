{%- set missing = "('unknown', 'not_asked', 'non_specified_unknown')" -%}
-- What is known of a case, as dimension and value: the common ground of the models that look for change. Answers that are
-- missing have no row, so the cases of a dimension are those in which anything is known of it. Each once: only where a fact may have
-- several rows for it are they made distinct, which of all at once would take the memory of all.
with one_value as (
    select
        facts.case_key,
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
),

case_trait as (
    unpivot one_value
    on columns(* exclude (case_key))
    into name dimension value value
),

trait as (
    select
        case_key,
        dimension,
        value
    from case_trait
    union all
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
)

select
    case_key,
    dimension,
    value
from trait
where value is not null and value not in {{ missing }}
