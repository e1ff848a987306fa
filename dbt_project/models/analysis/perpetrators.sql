{%- set grain = ['exploitation', 'gender', 'age_group'] -%}
with {{ analysis_counted(ref('tally_perpetrators'), grain, ['role', 'citizenship_region']) }}

select
    exploitation,
    gender as victim_gender,
    age_group as victim_age_group,
    dimension,
    value,
    {{ analysis_columns() | replace('cases,', 'cases as perpetrators,') }}
from counted
order by exploitation, victim_gender, victim_age_group, dimension, value
