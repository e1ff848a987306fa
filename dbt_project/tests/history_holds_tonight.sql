-- What history says of tonight is what core holds tonight, of every fact: each row once, and no other.
with counted as (
    {% for fact in history_facts() -%}
        {%- set columns = history_columns(fact) | join(', ') -%}
        select
            '{{ fact }}' as table_name,
            count(*) as rows_differing
        from (
            select
                {{ columns }},
                sum(found) as found
            from (
                select
                    {{ columns }},
                    1 as found
                from {{ ref(fact) }}
                union all
                select
                    {{ columns }},
                    -1 as found
                from {{ ref('history_' ~ fact) }}
                where valid_until is null
            )
            group by {{ columns }}
            having sum(found) != 0
        )
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    table_name,
    rows_differing
from counted
where rows_differing > 0
