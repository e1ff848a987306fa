-- The caveats are written once, in the descriptions of the models, which are also the comments of the tables.
{% set caveats = [] -%}
{% if execute -%}
    {% for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type in ['model', 'snapshot'] and node.schema in ['core', 'analysis', 'quality', 'history'] -%}
        {% set description = history_description(node.alias) if node.resource_type == 'snapshot' else node.description -%}
        {% do caveats.append((node.schema ~ '.' ~ node.alias, description.split('Caveat: ')[1:] | join(' ') | trim)) -%}
    {% endfor -%}
{% else -%}
    {% do caveats.append(('', '')) -%}
{% endif -%}
{% for table_name, caveat in caveats -%}
    select
        '{{ table_name }}' as table_name,
        $caveat${{ caveat | replace('\n', ' ') }}$caveat$ as caveat
    {{ 'union all' if not loop.last }}
{% endfor %}
order by table_name
