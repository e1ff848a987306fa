-- What the tallies share: who is counted (person), in which groups (placed, cell_group), what they answered (answer), and the
-- count of it by mission. A tally is `with {{ tally_person() }}, {{ tally_groups([…]) }}, {{ tally_answers(…) }},
-- {{ tally_counted([…]) }}`. Every row of it is of one mission and follows from that mission's facts and form alone: nothing here
-- looks at a night or at all missions together. The marts add missions up (macros/analysis.sql).
--
-- A case is in many groups and has many answers. The cases of a cell are of one mission and in the same groups: answers are
-- counted once a cell, and only these counts, which are few, are added up by group.

-- An answer of a case, or why its form's answers are in no rate (see core.dim_form_question).
{% macro tally_answer(name) -%}
if(
            facts.{{ name }} <> 'not_asked' and reason.{{ name }} in ('relation_too_loose', 'stores_only_yes'),
            reason.{{ name }},
            facts.{{ name }}
        )
{%- endmacro %}

-- Three years: 2002-2004, 2005-2007, …
{% macro tally_window(year) -%}
printf('%d-%d', {{ period_start(year) }}, {{ period_start(year) }} + 2)
{%- endmacro %}

-- CTEs form_reason and person: one row per case with all that a case is counted by. Flags are answers that may be counted;
-- `exploitation` names the kinds that the case had (yes on any form), with commas; they make it a member of their groups.
{% macro tally_person() %}
{%- set flags = [
    'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'is_retrafficked', 'is_deceased', 'is_minor',
    'is_cross_border',
] %}
form_reason as (
    select
        mission_code,
        form_version
        {%- for flag in flags %},
        any_value(reason) filter (question = 'case.{{ flag }}') as {{ flag }}
        {%- endfor %}
    from {{ ref('dim_form_question') }}
    group by mission_code, form_version
),

person as not materialized (
    select
        facts.case_key,
        facts.mission_code,
        facts.form_version,
        facts.registration_year,
        if(facts.registration_year is not null, {{ tally_window('facts.registration_year') }}, null) as registration_window,
        'all' as everybody,
        if(facts.gender = 'non_specified_unknown' and not form.case__gender, 'not_asked', facts.gender) as gender,
        facts.age_band,
        {{ tally_answer('is_minor') }} as is_minor,
        case facts.is_minor when 'yes' then 'minor' when 'no' then 'adult' end as age_group,
        facts.age_band_when_trafficked,
        facts.marital_status,
        facts.children_band,
        facts.primary_language,
        facts.education,
        {{ tally_answer('is_deceased') }} as is_deceased,
        coalesce(country.m49_region, if(form.citizenship__citizenship, 'unknown', 'not_asked')) as citizenship_region,
        coalesce(country.m49_subregion, if(form.citizenship__citizenship, 'unknown', 'not_asked')) as citizenship_subregion,
        case
            when country.is_south_eastern_europe then 'yes'
            when country.country_code is not null then 'no'
            else if(form.citizenship__citizenship, 'unknown', 'not_asked')
        end as is_south_eastern_european,
        {{ tally_answer('is_sexual_exploitation') }} as is_sexual_exploitation,
        {{ tally_answer('is_forced_labour') }} as is_forced_labour,
        {{ tally_answer('is_other_exploitation') }} as is_other_exploitation,
        concat_ws(
            ',',
            if(facts.is_sexual_exploitation = 'yes', 'sexual_exploitation', null),
            if(facts.is_forced_labour = 'yes', 'forced_labour', null),
            if(facts.is_other_exploitation = 'yes', 'other_exploitation', null)
        ) as exploitation,
        facts.is_sexual_exploitation = 'no' as is_not_sexual_exploitation,
        -- a form that asks where the person was screened or registered does not ask where they were exploited
        if(
            facts.country_of_exploitation_basis in ('last_exploitation', 'unknown'),
            {{ tally_answer('is_cross_border') }},
            'not_asked'
        ) as is_cross_border,
        facts.trafficking_status,
        facts.duration_band,
        facts.referral_source,
        facts.case_status,
        {{ tally_answer('is_retrafficked') }} as is_retrafficked
    from {{ ref('fct_case') }} as facts
    left join form_reason as reason on facts.mission_code = reason.mission_code and facts.form_version = reason.form_version
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    left join {{ ref('dim_country') }} as country on facts.citizenship = country.country_code
)
{% endmacro %}

-- The kinds of `exploitation` of a case or a cell, as a list.
{% macro tally_kinds(exploitation) -%}
if({{ exploitation }} = '', [], string_split({{ exploitation }}, ','))
{%- endmacro %}

-- The values of a group that a cell belongs to, `all` among them: an expression over `cell`, a list.
{% macro tally_group_values(group) -%}
{%- set values = {
    'registration_year': "if(cell.registration_year is not null, [cell.registration_year], [])",
    'gender': "if(cell.gender not in ('non_specified_unknown', 'not_asked'), ['all', cell.gender], ['all'])",
    'age_group': "if(cell.age_group is not null, ['all', cell.age_group], ['all'])",
    'exploitation': "['all'] || " ~ tally_kinds('cell.exploitation'),
} -%}
{{ values[group] }}
{%- endmacro %}

-- CTEs `placed` (person with the case's cell) and `cell_group` (one row per cell × group; a group is a value of each of `groups`).
{% macro tally_groups(groups, placed='placed') %}
{{ tally_cells(groups, placed) }},

cell_group as (
    select
        cell,
        mission_code
        {%- for group in groups %},
        its_{{ group }}.{{ group }}
        {%- endfor %}
    from cell
    {%- for group in groups %},
    unnest({{ tally_group_values(group) }}) as its_{{ group }} ({{ group }})
    {%- endfor %}
)
{% endmacro %}

-- The same for tallies whose groups are told one at a time (group_by, group_value), by `years` or without.
{% macro tally_groups_by(groups, years=false) %}
{{ tally_cells(groups + (['registration_year'] if years else [])) }},

cell_group as (
    select
        cell,
        mission_code,
        {%- if years %}
        registration_year,
        {%- endif %}
        slice.group_by,
        slice.group_value
    from (
        select
            cell,
            mission_code,
            {%- if years %}
            registration_year,
            {%- endif %}
            [{'group_by': 'all', 'group_value': 'all'}]
            {%- for group in groups %}
            {%- if group == 'exploitation' %}
            || list_transform({{ tally_kinds('exploitation') }}, lambda kind: {'group_by': 'exploitation', 'group_value': kind})
            {%- else %}
            || if(
                coalesce({{ group }}, 'unknown') not in (
                    'unknown', 'not_asked', 'non_specified_unknown', 'relation_too_loose', 'stores_only_yes'
                ),
                [{'group_by': '{{ group }}', 'group_value': {{ group }}}],
                []
            )
            {%- endif %}
            {%- endfor %} as slices
        from cell
    ),
    unnest(slices) as one (slice)
)
{% endmacro %}

-- CTEs `cell` and `placed` (person with the case's cell): cases of one mission that agree in `keys`. The number of a cell is a name
-- within the query.
{% macro tally_cells(keys, placed='placed') -%}
cell as materialized (
    select
        row_number() over () as cell,
        mission_code,
        {{ keys | join(', ') }}
    from (
        select distinct
            mission_code,
            {{ keys | join(', ') }}
        from person
    )
),

-- made again where it is asked for, and not kept: all columns of all cases are more than memory holds
{{ placed }}_whole as not materialized (
    select
        person.*,
        cell.cell
    from person
    inner join cell
        on
            person.mission_code = cell.mission_code
            {%- for name in keys %}
            and person.{{ name }} is not distinct from cell.{{ name }}
            {%- endfor %}
),

{{ placed }} as (
    select *
    from {{ placed }}_whole
)
{%- endmacro %}

-- Attributes that stand in child tables: where, which field of the form asks, and for whom it makes no sense (RELATION is the
-- table itself; it is named and not referred to, so that a tally depends on the tables that it uses and on no others).
{% macro tally_children() -%}
{{ return({
    'exploitation_type': {'relation': 'fct_exploitation', 'asked': 'form.exploitation__exploitation_type'},
    'labour_sector': {
        'relation': 'fct_exploitation', 'asked': 'form.exploitation__labour_sector',
        'not_applicable': "person.case_key in (select case_key from RELATION) and person.case_key not in ("
            ~ "select case_key from RELATION where labour_sector is not null)",
    },
    'sexual_exploitation_form': {
        'relation': 'fct_sexual_exploitation', 'asked': 'form.sexual_exploitation__sexual_exploitation_form',
        'not_applicable': "person.is_not_sexual_exploitation",
    },
    'recruitment_method': {'relation': 'fct_recruitment', 'asked': 'form.recruitment__recruitment_method'},
    'recruiter_relationship': {'relation': 'fct_recruitment', 'asked': 'form.recruitment__recruiter_relationship'},
    'recruitment_platform': {
        'relation': 'fct_online_platform', 'column': 'platform', 'asked': 'form.online_platform__platform',
        'where': "purpose = 'recruitment'",
    },
    'exploitation_platform': {
        'relation': 'fct_online_platform', 'column': 'platform', 'asked': 'form.online_platform__platform',
        'where': "purpose = 'exploitation'",
    },
    'perpetrator_role': {'relation': 'bridge_perpetrator_role', 'column': 'role', 'asked': 'form.perpetrator__role'},
    'perpetrator_gender': {'relation': 'fct_perpetrator', 'column': 'gender', 'asked': 'form.perpetrator__gender'},
    'status_decided_by': {'relation': 'fct_screening', 'column': 'decided_by', 'asked': 'form.screening__decided_by'},
    'service_provided': {
        'relation': 'fct_assistance', 'column': 'service_type', 'asked': 'form.assistance__service_type',
        'where': "status = 'provided'",
        'not_applicable': "person.case_key in (select case_key from RELATION)",
    },
    'referred_here_for': {
        'relation': 'fct_referral', 'column': 'reason', 'asked': 'form.referral__reason', 'where': "direction = 'incoming'",
    },
    'referred_on_for': {
        'relation': 'fct_referral', 'column': 'reason', 'asked': 'form.referral__reason', 'where': "direction = 'outgoing'",
    },
}) }}
{%- endmacro %}

-- CTEs of the answers: one row per case × attribute × known value, and one per case × attribute that was asked in vain,
-- left out or not applicable, each with the case's cell. No row: not asked. A case with several values of an attribute has
-- answered it once: `is_first`. `cases` are columns of person, `children` names of tally_children, `items` tables
-- that answer each item, `more` names of CTEs of the same columns that the tally has made itself.
{% macro tally_answers(cases=[], children=[], items=[], more=[]) %}
{%- set every_child = tally_children() %}
{%- if cases %}
case_answer as (
    unpivot (
        select
            cell
            {%- for name in cases %},
            {{ name }}
            {%- endfor %}
        from placed_whole
    )
    on columns(* exclude (cell))
    into name dimension value value
),
{%- endif %}
{%- for name in children %}
{%- set child = every_child[name] %}

{{ name }}_answer as (
    select
        person.cell,
        given.value,
        case
            when given.value is not null then 'known'
            {%- if child.not_applicable %}
            when {{ child.not_applicable | replace('RELATION', ref(child.relation) | string) }} then 'not_applicable'
            {%- endif %}
            when {{ child.asked }} then 'unknown'
        end as state,
        coalesce(given.is_first, true) as is_first
    from placed as person
    left join {{ ref('int_form') }} as form
        on person.mission_code = form.mission_code and person.form_version = form.form_version
    left join (
        select
            case_key,
            {{ child.column or name }} as value,
            row_number() over (partition by case_key order by value) = 1 as is_first
        from {{ ref(child.relation) }}
        where {{ child.column or name }} not in ('unknown', 'not_asked', 'non_specified_unknown')
        {%- if child.where %} and {{ child.where }}{% endif %}
        group by case_key, value
    ) as given on person.case_key = given.case_key
),
{%- endfor %}
{%- for name in items %}

{{ tally_items(name) }},
{%- endfor %}

answer as (
    {%- if cases %}
    select
        cell,
        if(dimension = 'everybody', 'all', dimension) as dimension,
        '' as item,
        value,
        case
            when value in ('relation_too_loose', 'stores_only_yes') then value
            when value in ('unknown', 'non_specified_unknown') then 'unknown'
            else 'known'
        end as state,
        true as is_first
    from case_answer
    where value <> 'not_asked'
    {%- endif %}
    {%- for name in children %}
    {{ 'union all' if cases or not loop.first }}
    select
        cell,
        '{{ name }}' as dimension,
        '' as item,
        value,
        state,
        is_first
    from {{ name }}_answer
    where state is not null
    {%- endfor %}
    {%- for name in items %}
    {{ 'union all' if cases or children or not loop.first }}
    select
        cell,
        dimension,
        item,
        value,
        state,
        true as is_first
    from {{ name }}_answer
    {%- endfor %}
    {%- for name in more %}
    {{ 'union all' if cases or children or items or not loop.first }}
    select
        cell,
        dimension,
        item,
        value,
        state,
        is_first
    from {{ name }}
    {%- endfor %}
)
{% endmacro %}

-- Answers to items (case_key, dimension, item, answer) with what they count for on their form: a query.
-- `table_name` is the first half of their questions in core.dim_form_question.
{% macro tally_judged_items(relation, table_name) %}
    select
        given.case_key,
        person.cell,
        given.dimension,
        given.item,
        given.answer as value,
        case
            when form.reason in ('relation_too_loose', 'stores_only_yes') then form.reason
            when given.answer = 'unknown' then 'unknown'
            else 'known'
        end as state,
        true as is_first
    from {{ relation }} as given
    inner join placed as person on given.case_key = person.case_key
    left join {{ ref('dim_form_question') }} as form
        on
            person.mission_code = form.mission_code
            and person.form_version = form.form_version
            and '{{ table_name }}.' || given.item = form.question
{% endmacro %}

-- CTEs `<name>_item` and `<name>_answer` of a table that answers item by item. Of several levels: yes at any, else no at any.
{% macro tally_items(name) %}
{%- set item = {'control': 'means_of_control', 'vulnerability': 'factor'}[name] -%}
{{ name }}_item as (
    select
        case_key,
        '{{ item }}' as dimension,
        {{ item }} as item,
        {%- if name == 'control' %}
        answer
        {%- else %}
        case when bool_or(answer = 'yes') then 'yes' when bool_or(answer = 'no') then 'no' else 'unknown' end as answer
        {%- endif %}
    from {{ ref('fct_' ~ name) }}
    {%- if name != 'control' %}
    group by case_key, {{ item }}
    {%- endif %}
),

{{ name }}_answer as (
    {{ tally_judged_items(name ~ '_item', name) }}
)
{%- endmacro %}

-- The end of a tally: one row per mission × group × attribute × item × value × state. `answers` are those given, `cases` those who
-- gave one of the attribute: a case with several values is counted with the first. A row whose state is `everybody` is of no attribute: all cases of the group.
{% macro tally_counted(groups) %}
cell_answer as (
    select
        cell,
        dimension,
        item,
        value,
        state,
        count(*) as answers,
        count(*) filter (is_first) as cases
    from answer
    group by all
    union all
    select
        cell,
        '' as dimension,
        '' as item,
        null as value,
        'everybody' as state,
        count(*) as answers,
        count(*) as cases
    from placed
    group by cell
)

select
    cell_group.mission_code,
    {% for group in groups -%}
        cell_group.{{ group }},
    {% endfor -%}
    cell_answer.dimension,
    cell_answer.item,
    cell_answer.value,
    cell_answer.state,
    sum(cell_answer.answers)::bigint as answers,
    sum(cell_answer.cases)::bigint as cases
from cell_group
inner join cell_answer on cell_group.cell = cell_answer.cell
group by all
{%- endmacro %}
