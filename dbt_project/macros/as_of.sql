-- history.<fact>_as_of(night): each fact as it was when the night was over, in the published file. DuckDB binds a table
-- macro when it is made, so they are made after the last model (on-run-end), when quality.load is there; a run of some models
-- makes those of the facts that it has built.
{% macro create_as_of_macros(results) -%}
{%- set made = results | map(attribute='node.name') | list -%}
{%- if execute and 'load' in made -%}
    {%- set built = run_query("select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'history'").columns[0].values() -%}
    {% for fact in history_facts() if fact in built -%}
        {% do run_query(as_of_macro(fact)) %}
    {% endfor -%}
{%- endif -%}
{%- endmacro %}

-- What history leaves out is of the mission and not of the case: the night of loading, which quality.load knows.
{% macro as_of_macro(fact) -%}
{%- set model = history_fact(fact) -%}
{%- set left_out = history_left_out(model) -%}
create or replace macro history.{{ fact }}_as_of(as_of_night) as table
select
    {% for column in model.columns -%}
        {{ 'loaded' if column in left_out else 'held' }}.{{ column }}{{ ',' if not loop.last }}
    {% endfor %}
from history.{{ fact }} as held
{% if left_out -%}
left join (
    select
        load.mission_code
        {%- for column in left_out %},
        arg_max(load.{{ column }}, load.night) as {{ column }}
        {%- endfor %}
    from quality.load as load
    where load.night <= as_of_night
    group by load.mission_code
) as loaded on held.mission_code = loaded.mission_code
{% endif -%}
where held.valid_from <= as_of_night and (held.valid_until is null or held.valid_until > as_of_night);
comment on macro table history.{{ fact }}_as_of is 'core.{{ fact }} as it was when the night was over. Its caveat is that of history.{{ fact }}.';
{%- endmacro %}
