-- Each statement about all victims is held against those who contradict it. What cases say of themselves is counted in one pass over
-- them; `evidence` has a row per case (or perpetrator) of which something else is known, and whether it is a counterexample.
{%- set missing = "('unknown', 'not_asked', 'non_specified_unknown')" %}
with person as not materialized (
    select
        facts.*,
        home.m49_region as home_region,
        abroad.m49_region as exploitation_region
    from {{ ref('fct_case') }} as facts
    left join {{ ref('dim_country') }} as home on facts.citizenship = home.country_code
    left join {{ ref('dim_country') }} as abroad on facts.country_of_exploitation = abroad.country_code
),

recruited as (
    select
        recruitment.case_key,
        person.mission_code,
        person.is_minor,
        bool_or(recruitment.recruiter_relationship in (
            'familial', 'acquainted'
        )) filter (recruitment.recruiter_relationship not in {{ missing }}) as is_known_recruiter,
        bool_or(recruitment.recruitment_method in (
            'through_online_social_networks', 'through_an_online_advertisement'
        )) filter (recruitment.recruitment_method not in {{ missing }}) as is_online,
        bool_or(recruitment.recruitment_method in (
            'through_an_online_advertisement', 'through_a_television_advert', 'through_a_newspaper_advert'
        )) filter (recruitment.recruitment_method not in {{ missing }}) as is_advert
    from {{ ref('fct_recruitment') }} as recruitment
    inner join person on recruitment.case_key = person.case_key
    group by recruitment.case_key, person.mission_code, person.is_minor
),

role_known as (
    select
        role.case_key,
        person.mission_code,
        bool_or(role.role = 'kidnapper') as has_kidnapper
    from {{ ref('bridge_perpetrator_role') }} as role
    inner join person on role.case_key = person.case_key
    where role.role not in {{ missing }}
    group by role.case_key, person.mission_code
),

-- A form that hardly ever stores a no says nothing on how rare a means is (as in means_of_control).
form_that_answers as (
    select
        person.mission_code,
        person.form_version
    from {{ ref('fct_control') }} as control
    inner join person on control.case_key = person.case_key
    group by person.mission_code, person.form_version
    having
        bool_or(control.answer = 'no')
        and count(*) filter (control.answer in ('yes', 'no')) >= {{ var('smallest_answered_share') }} * count(*)
),

controlled as (
    select
        control.case_key,
        person.mission_code,
        bool_or(control.answer = 'yes') as has_any,
        any_value(control.answer) filter (control.means_of_control = 'physical_abuse') as physical_abuse
    from {{ ref('fct_control') }} as control
    inner join person on control.case_key = person.case_key
    inner join form_that_answers
        on person.mission_code = form_that_answers.mission_code and person.form_version = form_that_answers.form_version
    group by control.case_key, person.mission_code
),

of_cases as (
    select
        {% for myth, condition, known in [
            ('only_women', "gender != 'feminine'", "gender not in " ~ missing),
            ('only_adults', "is_minor = 'yes'", "is_minor in ('yes', 'no')"),
            ('only_the_young', "age_band in ('30-38', '39-47', '48+')", "age_band not in " ~ missing),
            ('only_sexual_exploitation', "is_sexual_exploitation = 'no'", "is_sexual_exploitation in ('yes', 'no')"),
            ('one_kind_of_exploitation', "is_sexual_exploitation = 'yes' and is_forced_labour = 'yes'",
             "'yes' in (is_sexual_exploitation, is_forced_labour)
                and is_sexual_exploitation in ('yes', 'no') and is_forced_labour in ('yes', 'no')"),
            ('sexual_exploitation_is_of_women', "gender != 'feminine'",
             "is_sexual_exploitation = 'yes' and gender not in " ~ missing),
            ('labour_is_of_men', "gender = 'feminine'", "is_forced_labour = 'yes' and gender not in " ~ missing),
            ('always_a_border', "is_cross_border = 'no'", "is_cross_border in ('yes', 'no')"),
            ('far_from_home', "home_region = exploitation_region",
             "is_cross_border = 'yes' and home_region is not null and exploitation_region is not null"),
            ('trafficked_once', "is_retrafficked = 'yes'", "is_retrafficked in ('yes', 'no')"),
            ('soon_over', "duration_band in ('12_to_23_months', '24_months_and_over')", "duration_band not in " ~ missing),
            ('victims_are_uneducated', "education not in ('early_childhood_education', 'primary_education')",
             "education not in " ~ missing),
            ('police_find_victims', "referral_source != 'law_enforcement'", "referral_source not in " ~ missing),
        ] -%}
            struct_pack(
                denominator := count(*) filter ({{ known }}),
                numerator := count(*) filter ({{ known }} and {{ condition }})
            ) as {{ myth }},
        {% endfor -%}
        mission_code
    from person
    group by mission_code
),

of_recruitment as (
    select
        {% for myth, condition, known in [
            ('recruiters_are_strangers', 'is_known_recruiter', 'is_known_recruiter is not null'),
            ('children_are_recruited_by_strangers', 'is_known_recruiter', "is_known_recruiter is not null and is_minor = 'yes'"),
            ('recruited_online', 'not is_online', 'is_online is not null'),
            ('recruited_by_adverts', 'not is_advert', 'is_advert is not null'),
        ] -%}
            struct_pack(
                denominator := count(*) filter ({{ known }}),
                numerator := count(*) filter ({{ known }} and {{ condition }})
            ) as {{ myth }},
        {% endfor -%}
        mission_code
    from recruited
    group by mission_code
),

evidence as (
    select
        'victims_are_kidnapped' as myth,
        mission_code,
        not has_kidnapper as is_counterexample
    from role_known
    union all
    select
        'held_by_physical_violence' as myth,
        mission_code,
        physical_abuse = 'no' as is_counterexample
    from controlled
    where has_any and physical_abuse in ('yes', 'no')
    union all
    select
        'perpetrators_are_men' as myth,
        person.mission_code,
        perpetrator.gender = 'feminine' as is_counterexample
    from {{ ref('fct_perpetrator') }} as perpetrator
    inner join person on perpetrator.case_key = person.case_key
    where perpetrator.gender not in {{ missing }}
),

counted as (
    unpivot of_cases
    on columns(* exclude (mission_code))
    into name myth value counts
    union all by name
    unpivot of_recruitment
    on columns(* exclude (mission_code))
    into name myth value counts
    union all by name
    select
        mission_code,
        myth,
        struct_pack(denominator := count(*), numerator := count(*) filter (is_counterexample)) as counts
    from evidence
    group by mission_code, myth
)

select
    mission_code,
    myth,
    counts['denominator'] as denominator,
    counts['numerator'] as numerator
from counted
where counts['denominator'] > 0
