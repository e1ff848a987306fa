-- The first year of the three years that `year` belongs to: 2002 to 2004, 2005 to 2007, … as published tables have them.
{% macro period_start(year) -%}
cast(2002 + 3 * floor(({{ year }} - 2002) / 3) as integer)
{%- endmacro %}
