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
select
    table_name,
    caveat
from (
    values
    {% for table_name, caveat in caveats -%}
    ('{{ table_name }}', $caveat${{ caveat | replace('\n', ' ') }}$caveat$){{ ',' if not loop.last }}
    {% endfor %}
) as written (table_name, caveat)
order by table_name
