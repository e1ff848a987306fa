-- A node and a snapshot may not share a name in dbt; their tables may: history.fct_case is the snapshot history_fct_case.
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
{%- if custom_alias_name -%}
    {{ custom_alias_name | trim }}
{%- elif node.resource_type == 'snapshot' -%}
    {{ node.name | replace('history_', '', 1) }}
{%- elif node.path.startswith('history/') -%}
    {{ node.name | replace('history_', '', 1) }}
{%- else -%}
    {{ node.name }}
{%- endif -%}
{%- endmacro %}
