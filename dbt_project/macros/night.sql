-- The night that is built, as a date: the variable `night`, or COUNTERFLOW_NIGHT of the environment, which spares dbt
-- from reading the whole project anew on every new night. There is no default: a forgotten night is an error.
{% macro night() -%}
    date '{{ var("night", none) or env_var("COUNTERFLOW_NIGHT") }}'
{%- endmacro %}
