-- The caveats are written once, in the descriptions of the models, which are also the comments of the tables.
{% set caveats = [] -%}
{% if execute -%}
    {% for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'model' and node.schema in ['core', 'analysis', 'quality'] -%}
        {% do caveats.append((node.schema ~ '.' ~ node.name, node.description.split('Caveat: ')[1:] | join(' ') | trim)) -%}
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
