-- What history says of tonight is what core holds tonight, of every fact: each row once, and no other. Rows are
-- compared by their number and by the sum of their hashes, which is the same whatever their order.
with counted as (
    {% for fact in history_facts() -%}
        {%- set columns = history_columns(fact) | join(', ') -%}
        {%- for kept_in, relation in {'core': ref(fact), 'history': ref('history_' ~ fact)}.items() -%}
            select
                '{{ fact }}' as table_name,
                '{{ kept_in }}' as kept_in,
                count(*) as rows_held,
                coalesce(sum(hash({{ columns }})::hugeint), 0) as rows_hash
            from {{ relation }}
            {%- if kept_in == 'history' %}
                where valid_until is null
            {%- endif %}
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    table_name,
    any_value(rows_held) filter (kept_in = 'core') as rows_of_core,
    any_value(rows_held) filter (kept_in = 'history') as rows_of_history
from counted
group by table_name
having count(distinct rows_held) != 1 or count(distinct rows_hash) != 1
