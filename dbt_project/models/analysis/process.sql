{%- set stages = analysis_themes('process') -%}
with {{ analysis_counted(ref('tally_process'), ['age_group', 'exploitation'], stages.values() | sum(start=[])) }}

select
    age_group,
    exploitation,
    list_position({{ stages.keys() | list }}, {{ analysis_label('dimension', stages) }}) as stage_number,
    {{ analysis_label('dimension', stages) }} as stage,
    dimension,
    value,
    {{ analysis_columns() }}
from counted
order by age_group, exploitation, stage_number, dimension, value
