-- `dbt source freshness` measures against the night that is built, never against a clock.
{% macro duckdb__collect_freshness(source, loaded_at_field, filter) %}
    {% call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
        select
            cast(max({{ loaded_at_field }}) as timestamp) as max_loaded_at,
            cast({{ night() }} as timestamp) as snapshotted_at
        from {{ source }}
        {% if filter %} where {{ filter }} {% endif %}
    {% endcall %}
    {{ return(load_result('collect_freshness')) }}
{% endmacro %}
