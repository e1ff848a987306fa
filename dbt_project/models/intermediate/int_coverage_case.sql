{%- set fields = [
    'gender', 'age_band', 'marital_status', 'children_band', 'primary_language', 'is_deceased', 'education',
    'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'trafficking_status',
    'age_band_when_trafficked', 'duration_band', 'referral_source', 'case_status', 'is_retrafficked',
] -%}
{%- set countries = {
    'citizenship': 'citizenship__citizenship', 'country_of_residence': 'case__country_of_residence',
    'country_of_exploitation': 'case__country_of_exploitation',
} -%}
with answer as (
    unpivot (
        select
            facts.mission_code,
            facts.form_version,
            {% for field in fields -%}
                facts.{{ field }},
            {% endfor -%}
            {% for country, asked in countries.items() -%}
                coalesce(facts.{{ country }}, if(form.{{ asked }}, 'unknown', 'not_asked')) as {{ country }},
            {% endfor -%}
            -- who speaks no second language has nothing to answer
            if(facts.secondary_language = 'unknown', 'not_applicable', facts.secondary_language) as secondary_language,
            coalesce(strftime(facts.registered_month, '%Y-%m'), 'unknown') as registered_month
        from {{ ref('fct_case') }} as facts
        left join {{ ref('int_form') }} as form
            on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    )
    on columns(* exclude (mission_code, form_version))
    into name field value answer
)

select
    'case' as table_name,
    field,
    '' as item,
    mission_code,
    form_version,
    count(*) as cases,
    count(*) filter (answer = 'yes') as yes,
    count(*) filter (answer = 'no') as no,
    count(*) filter (answer not in {{ no_answer() }} and answer != 'not_applicable') as answered,
    count(*) filter (answer = 'not_asked') as not_asked,
    count(*) filter (answer = 'not_applicable') as not_applicable
from answer
group by field, mission_code, form_version
