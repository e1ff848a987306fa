{%- set groups = [
    'gender', 'age_group', 'age_band', 'exploitation', 'citizenship_region', 'is_south_eastern_european', 'is_cross_border',
    'duration_band', 'referral_source', 'registration_window',
] -%}
-- The interval is Wilson's, 95 %: what chance alone leaves open, were the cases a sample.
with {{ analysis_person() }},

{{ analysis_groups_by(groups) }},

{{ analysis_answers(cases=['is_retrafficked']) }},

{{ analysis_counted(['group_by', 'group_value'], ['is_retrafficked']) }}

select
    group_by,
    group_value,
    {{ analysis_columns() }},
    if(rate is not null, {{ analysis_wilson('numerator', 'denominator', '-') }}, null) as rate_low,
    if(rate is not null, {{ analysis_wilson('numerator', 'denominator', '+') }}, null) as rate_high
from counted
where value = 'yes'
order by group_by, group_value
