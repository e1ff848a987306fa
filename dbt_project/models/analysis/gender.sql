{%- set themes = {
    'profile': ['age_band', 'is_minor', 'citizenship_region', 'marital_status', 'children_band', 'education'],
    'exploitation': [
        'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'exploitation_type', 'labour_sector',
        'sexual_exploitation_form', 'age_band_when_trafficked', 'is_cross_border', 'duration_band', 'is_retrafficked',
    ],
    'recruitment': ['recruitment_method', 'recruiter_relationship', 'recruitment_platform'],
    'control': ['means_of_control'],
    'perpetrators': ['perpetrator_role', 'perpetrator_gender'],
    'vulnerability': ['factor'],
    'assistance': ['referral_source', 'service_provided', 'referred_on_for', 'case_status'],
} -%}
{%- set dimensions = themes.values() | sum(start=[]) -%}
{%- set children = dimensions | select('in', analysis_child_dimensions()) | list -%}
{%- set cases = dimensions | reject('in', children + ['means_of_control', 'factor']) | list -%}
with {{ analysis_person() }},

{{ analysis_groups(['gender', 'age_group']) }},

{{ analysis_answers(cases=cases, children=children, items=['control', 'vulnerability']) }},

{{ analysis_counted(['gender', 'age_group'], dimensions) }}

select
    gender,
    age_group,
    {{ analysis_label('dimension', themes) }} as theme,
    dimension,
    item,
    value,
    {{ analysis_columns() }}
from counted
order by gender, age_group, theme, dimension, item, value
