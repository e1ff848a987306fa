-- The interval is Wilson's, 95 %: what chance alone leaves open, were the cases a sample.
with {{ analysis_counted(ref('tally_retrafficking'), ['group_by', 'group_value'], ['is_retrafficked']) }}

select
    group_by,
    group_value,
    {{ analysis_columns() }},
    if(rate is not null, {{ analysis_wilson('numerator', 'denominator', '-') }}, null) as rate_low,
    if(rate is not null, {{ analysis_wilson('numerator', 'denominator', '+') }}, null) as rate_high
from counted
where value = 'yes'
order by group_by, group_value
