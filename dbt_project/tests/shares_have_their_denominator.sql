-- Law 8: no share of the marts of evidence without its denominator, none of too few, none above one.
{% set marts = [
    ('representation', 'numerator', 'denominator', 'share'),
    ('identification', 'numerator', 'denominator', 'share'),
    ('myths', 'numerator', 'denominator', 'share'),
    ('emerging', 'recent_numerator', 'recent_denominator', 'recent_share'),
    ('emerging', 'past_numerator', 'past_denominator', 'past_share'),
] -%}
{% for mart, numerator, denominator, share in marts -%}
    select
        '{{ mart }}' as mart,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator,
        {{ share }} as share
    from {{ ref(mart) }}
    where
        {{ numerator }} > {{ denominator }}
        or ({{ share }} is not null and {{ denominator }} < {{ var('smallest_denominator') }})
        or abs({{ share }} - {{ numerator }} / nullif({{ denominator }}, 0)) > 0.0001
    {{ 'union all' if not loop.last }}
{% endfor %}
