-- Rates with their denominator, or with the reason why there is none.
--
-- A question is something that a case answers with yes or no: `control.debt_bondage`, `vulnerability.poverty`,
-- `case.is_retrafficked`. dim_form_question says of each form whether its answers may enter a rate:
--   not_asked           the form has no such question
--   relation_too_loose  the local question means something else (var `relations_in_rates`)
--   stores_only_yes     the form keeps yes, and never or hardly ever a no (var `smallest_answered_share`)
-- A rate over fewer than `smallest_denominator` answers is refused with too_few.
--
-- In a mart, `rate_columns()` are the columns of a rate over answers that the mart has grouped itself. In the
-- published file there is the table macro
--     from analysis.rate('control.debt_bondage', by := 'gender')

-- The attributes of a case by which analysis.rate can group.
{% macro rate_groups() -%}
{{ return([
    'mission_code', 'form_version', 'registration_year', 'gender', 'age_band', 'is_minor', 'marital_status', 'education',
    'citizenship', 'country_of_exploitation', 'is_cross_border', 'is_sexual_exploitation', 'is_forced_labour',
    'is_other_exploitation', 'trafficking_status', 'duration_band', 'referral_source', 'case_status', 'is_retrafficked',
]) }}
{%- endmacro %}

-- The questions that are columns of fct_case: name, the field of the form, the types of exploitation that answer it where the form
-- has no such field, and whether a form may store yes and leave a no blank.
{% macro case_questions() -%}
{% set labour = ['forced_labour', 'child_labour', 'forced_begging', 'servitude'] -%}
{% set other = [
    'forced_marriage', 'forced_military_by_non_state_actors', 'organ_removal', 'forced_adoption', 'surrogacy', 'other',
] -%}
{{ return([
    {'name': 'is_sexual_exploitation', 'field': 'is_sexual_exploitation', 'types': ['sexual_exploitation'], 'may_lack_no': true},
    {'name': 'is_forced_labour', 'field': 'is_forced_labour', 'types': labour, 'may_lack_no': true},
    {'name': 'is_other_exploitation', 'field': 'is_other_exploitation', 'types': other, 'may_lack_no': true},
    {'name': 'is_retrafficked', 'field': 'is_retrafficked', 'may_lack_no': true},
    {'name': 'is_deceased', 'field': 'is_deceased', 'may_lack_no': true},
    {'name': 'is_minor', 'field': 'age_band', 'may_lack_no': false},
    {'name': 'is_cross_border', 'field': 'country_of_exploitation', 'may_lack_no': false},
]) }}
{%- endmacro %}

-- One row per case × question that it answered: case_key, question, answer. `which` is a condition on `question`. A factor that
-- stands at several levels is answered with yes if any level is, else with no if any is.
{% macro answered_questions(case_facts, control, vulnerability, which='true') %}
    select
        case_key,
        'control.' || means_of_control as question,
        answer
    from {{ control }}
    where {{ which }}
    union all
    select
        case_key,
        'vulnerability.' || factor as question,
        case when bool_or(answer = 'yes') then 'yes' when bool_or(answer = 'no') then 'no' else 'unknown' end as answer
    from {{ vulnerability }}
    where {{ which }}
    group by case_key, factor
    {%- for question in case_questions() %}
    union all
    select
        case_key,
        'case.{{ question.name }}' as question,
        {% if question.name == 'is_cross_border' -%}
            -- a form that asks where the person was screened or registered does not ask where they were exploited
            if(country_of_exploitation_basis in ('last_exploitation', 'unknown'), is_cross_border, 'not_asked') as answer
        {%- else -%}
            {{ question.name }} as answer
        {%- endif %}
    from {{ case_facts }}
    where {{ which }}
    {%- endfor %}
{% endmacro %}

-- The columns of a rate: aggregates over rows of case × question with `answer`, `reason` (of the form) and `mission_code`, or
-- over rows that stand for as many cases each as the column `cases` says.
{% macro rate_columns(cases=none) -%}
{%- set numerator = rate_count(cases, "answer = 'yes' and reason is null") -%}
{%- set denominator = rate_count(cases, "answer in ('yes', 'no') and reason is null") -%}
{{ rate_count(cases, 'true') }} as cases,
    {{ numerator }} as numerator,
    {{ denominator }} as denominator,
    if(
        {{ denominator }} >= {{ var('smallest_denominator') }},
        round(cast({{ numerator }} / {{ denominator }} as double), 4),
        null
    ) as rate,
    case
        when {{ denominator }} >= {{ var('smallest_denominator') }} then null
        when {{ denominator }} > 0 then 'too_few'
        when bool_and(answer = 'not_asked' or coalesce(reason, '') = 'not_asked') then 'not_asked'
        when {{ rate_count(cases, "reason = 'relation_too_loose'") }} > 0 then 'relation_too_loose'
        when {{ rate_count(cases, "reason = 'stores_only_yes'") }} > 0 then 'stores_only_yes'
        else 'too_few'
    end as reason,
    {{ rate_count(cases, "answer = 'unknown' and reason is null") }} as unknown,
    {{ rate_count(cases, "answer = 'not_asked' or reason = 'not_asked'") }} as not_asked,
    {{ rate_count(cases, "answer != 'not_asked' and reason in ('relation_too_loose', 'stores_only_yes')") }} as left_out,
    count(distinct mission_code) filter (answer in ('yes', 'no') and reason is null) as missions
{%- endmacro %}

{% macro rate_count(cases, condition) -%}
{%- if cases -%}
coalesce(sum({{ cases }}) filter ({{ condition }}), 0)::bigint
{%- else -%}
count(*) filter ({{ condition }})
{%- endif -%}
{%- endmacro %}

-- The table macro analysis.rate of the published file. Names have no database: the file may be opened under any name.
{% macro create_rate_macro() -%}
{%- set facts = ref('fct_case').include(database=false) -%}
{%- set questions = ref('dim_form_question').include(database=false) -%}
create or replace macro analysis.rate(asked, by := 'all') as table
with given as (
    select * from (
        {{ answered_questions(facts, ref('fct_control').include(database=false), ref('fct_vulnerability').include(database=false), 'true') }}
    )
    where question = asked
),
answered as (
    select
        facts.mission_code,
        coalesce(given.answer, 'not_asked') as answer,
        form.reason,
        case "by"
            when 'all' then 'all'
            {% for group in rate_groups() -%}
            when '{{ group }}' then cast(facts.{{ group }} as varchar)
            {% endfor -%}
            else error('analysis.rate: by is all, {{ rate_groups() | join(', ') }}')
        end as group_value
    from (
        select 1 as known
        where if(
            asked in (select question from {{ questions }}),
            true,
            error('analysis.rate: there is no such question; core.dim_form_question lists them')
        )
    ) as guard
    cross join {{ facts }} as facts
    inner join {{ questions }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version and form.question = asked
    left join given on facts.case_key = given.case_key
)
select
    asked as question,
    group_value,
    {{ rate_columns() }}
from answered
group by group_value
order by group_value;
comment on macro table analysis.rate is 'One row per value of `by`: the rate of yes among yes and no to a question of core.dim_form_question, or the reason why there is none. Caveat: of assisted persons who agreed to research only, and never a prevalence.'
{%- endmacro %}
