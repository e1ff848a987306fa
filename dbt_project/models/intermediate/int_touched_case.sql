-- The cases of which a row of any fact begins or ends on the night that they were made on.
{% for fact in history_facts() -%}
    select
        case_key,
        {{ night() }} as night
    from {{ ref('history_' ~ fact) }}
    where valid_from = {{ night() }} or valid_until = {{ night() }}
    {{ 'union' if not loop.last }}
{% endfor %}
