{%- set dimensions = analysis_themes('trends').values() | sum(start=[]) -%}
with {{ analysis_counted(ref('tally_trends'), ['registration_year'], dimensions) }}

select
    registration_year,
    dimension,
    value,
    {{ analysis_columns() }}
from counted
order by registration_year, dimension, value
