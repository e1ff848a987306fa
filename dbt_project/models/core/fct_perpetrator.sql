{%- set answers = [
    ('role', "'unknown', 'not_asked'"),
    ('gender', "'non_specified_unknown', 'not_asked'"),
    ('age_band', "'unknown', 'not_asked'"),
] -%}
-- One of several roles is the first that is known; so is every other answer that a file gives more than once.
with perpetrator as (
    select
        case_key,
        perpetrator_number,
        {% for answer, missing in answers -%}
            coalesce(
                arg_min({{ answer }}, role_number) filter ({{ answer }} not in ({{ missing }})),
                arg_min({{ answer }}, role_number)
            ) as {{ answer }},
        {% endfor -%}
        arg_min(citizenship, role_number) filter (citizenship is not null) as citizenship
    from {{ ref('int_perpetrator') }}
    group by case_key, perpetrator_number
)

select
    perpetrator.case_key,
    cast(perpetrator.perpetrator_number as integer) as perpetrator_number,
    perpetrator.role,
    perpetrator.gender,
    perpetrator.age_band,
    -- a code that is no country goes on, for the vocabulary test to find
    coalesce(country.m49_region, perpetrator.citizenship) as citizenship_region
from perpetrator
left join {{ ref('dim_country') }} as country on perpetrator.citizenship = country.country_code
order by perpetrator.case_key, perpetrator.perpetrator_number
