{%- set dimensions = ['recruitment', 'perpetrators', 'perpetrators_gender', 'number_of_means'] -%}
with {{ analysis_counted(ref('tally_modus_operandi'), ['age_group', 'exploitation'], dimensions) }}

select
    age_group,
    exploitation,
    dimension as pattern,
    value,
    {{ analysis_columns() }}
from counted
order by age_group, exploitation, pattern, value
