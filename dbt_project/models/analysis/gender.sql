{%- set themes = analysis_themes('gender') -%}
with {{ analysis_counted(ref('tally_gender'), ['gender', 'age_group'], themes.values() | sum(start=[])) }}

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
