{%- set groups = ['gender', 'age_group', 'exploitation', 'citizenship_region'] -%}
{%- set dimensions = [
    'everybody', 'gender', 'age_band', 'is_minor', 'citizenship_region', 'is_south_eastern_european', 'is_sexual_exploitation',
    'is_forced_labour', 'is_other_exploitation', 'is_cross_border', 'marital_status', 'children_band', 'education',
] -%}
{%- set grain = ['period_kind', 'period', 'group_by', 'group_value'] -%}
with {{ analysis_person() }},

{{ analysis_groups_by(groups, periods=true) }},

{{ analysis_answers(cases=dimensions) }},

{{ analysis_counted(grain, dimensions) }}

select
    period_kind,
    period,
    group_by,
    group_value,
    dimension,
    value,
    {{ analysis_columns() }}
from counted
order by period_kind, period, group_by, group_value, dimension, value
