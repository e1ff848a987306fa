-- The cases of which a row of any fact begins or ends tonight.
{% for fact in history_facts() -%}
    select case_key
    from {{ ref('history_' ~ fact) }}
    where valid_from = {{ night() }} or valid_until = {{ night() }}
    {{ 'union' if not loop.last }}
{% endfor %}
