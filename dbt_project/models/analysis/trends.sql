{%- set dimensions = [
    'everybody', 'gender', 'age_band', 'is_minor', 'citizenship_region', 'is_south_eastern_european', 'is_sexual_exploitation',
    'is_forced_labour', 'is_other_exploitation', 'is_cross_border', 'trafficking_status', 'is_retrafficked', 'duration_band',
    'referral_source',
] -%}
{%- set children = ['recruiter_relationship'] -%}
with {{ analysis_person() }},

{{ analysis_groups(['registration_year']) }},

{{ analysis_answers(cases=dimensions, children=children) }},

{{ analysis_counted(['registration_year'], dimensions + children) }}

select
    registration_year,
    dimension,
    value,
    {{ analysis_columns() }}
from counted
order by registration_year, dimension, value
