-- The night that is built, as a date. There is no default: a forgotten night is an error.
{% macro night() -%}
    date '{{ var("night") }}'
{%- endmacro %}
