-- Uncertainty in SQL. All intervals are of 95 %. They speak of chance alone: not of who is never identified, not of forms.

-- Bounds of a share by Wilson's score interval, which holds for small numbers and for shares near 0 and 1. NULL without cases.
{% macro wilson(numerator, denominator, side) -%}
case
    when {{ denominator }} > 0 then (
        {{ numerator }} + {{ z95() }} * {{ z95() }} / 2
        {{ '-' if side == 'low' else '+' }} {{ z95() }} * sqrt(
            {{ numerator }} * ({{ denominator }} - {{ numerator }}) / {{ denominator }} + {{ z95() }} * {{ z95() }} / 4
        )
    ) / ({{ denominator }} + {{ z95() }} * {{ z95() }})
end
{%- endmacro %}

-- The normal distribution's 97.5 % point.
{% macro z95() -%}
1.959963984540054
{%- endmacro %}

-- Two-sided p-value of a standard normal `z`: erfc(|z| / √2). DuckDB has no erfc; this is the rational Chebyshev fit of
-- Numerical Recipes (2nd ed., section 6.2), whose relative error is below 1.2e-7 for every z: also far out in the tail.
{% macro two_sided_p(z) -%}
{%- set x = '(abs(' ~ z ~ ') / sqrt(2))' -%}
{%- set t = '(1 / (1 + 0.5 * ' ~ x ~ '))' -%}
{%- set terms = [
    '-1.26551223', '1.00002368', '0.37409196', '0.09678418', '-0.18628806', '0.27886807', '-1.13520398', '1.48851587',
    '-0.82215223', '0.17087277',
] -%}
{%- set fit = namespace(horner=terms[-1]) -%}
{%- for term in terms[:-1] | reverse %}{% set fit.horner = term ~ ' + ' ~ t ~ ' * (' ~ fit.horner ~ ')' %}{% endfor -%}
least(1, {{ t }} * exp(-{{ x }} * {{ x }} + {{ fit.horner }}))
{%- endmacro %}

-- Benjamini and Hochberg's adjusted p-value of `p` within its `family` (columns): the smallest rate of false discoveries
-- at which it would still be one. Expects no NULL in `p`: filter first.
{% macro benjamini_hochberg(p, of, family) -%}
min({{ of }}) over (partition by {{ family }} order by {{ p }} desc range between unbounded preceding and current row)
{%- endmacro %}

-- p × comparisons / rank, of which `benjamini_hochberg` takes the smallest from here up; equal p-values have one rank.
{% macro benjamini_hochberg_step(p, family) -%}
{{ p }} * count(*) over (partition by {{ family }})
/ count(*) over (partition by {{ family }} order by {{ p }} range between unbounded preceding and current row)
{%- endmacro %}
