-- Nobody is counted twice or lost: a numerator is within its denominator, a rate is theirs or has a reason not to be, and
-- (with `total`) every case of the group is in exactly one of the counts.
{% test counts_add_up(model, total=none) %}
select *
from {{ model }}
where
    numerator > denominator
    or least(numerator, unknown, not_asked) < 0
    or (rate is null) = (rate_note is null)
    or abs(rate - numerator / denominator) > 0.0001
    {%- if total %}
    or least(denominator, left_out, not_applicable) < 0
    or {{ total }} <> denominator + unknown + not_asked + left_out + not_applicable
    {%- endif %}
{% endtest %}
