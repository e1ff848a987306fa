-- A table made where it stays. dbt's own materialization makes it beside, renames the old and the new, and drops the old, for the
-- sake of readers; the files of a build have none, and a build begins without them. Contracts are enforced as dbt enforces them.
{% materialization table, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set left = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if left is not none %}{% do adapter.drop_relation(left) %}{% endif %}
    {% call statement('main') -%}
        {{ create_table_as(False, target_relation, compiled_code) }}
    {%- endcall %}
    {% if config.persist_relation_docs() -%}
        {% call statement('comments') -%}
            {{ table_comments(target_relation, model.description, model.columns) }}
        {%- endcall %}
    {%- endif %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

-- The comments of a table and of its columns, as statements.
{% macro table_comments(relation, description, columns) -%}
comment on table {{ relation }} is {{ duckdb_escape_comment(description) }};
{% for name, column in columns.items() -%}
comment on column {{ relation }}.{{ adapter.quote(name) }} is {{ duckdb_escape_comment(column.description) }};
{% endfor -%}
{%- endmacro %}
