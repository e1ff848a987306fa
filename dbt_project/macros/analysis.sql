-- What the marts of the analysis schema share: who is counted (person), in which groups (placed, cell_group), what they
-- answered (answer), and the count of it (counted). A mart is `with {{ analysis_person() }}, {{ analysis_groups([…]) }},
-- {{ analysis_answers(…) }}, {{ analysis_counted([…]) }} select {{ analysis_columns([…]) }} from counted`.
--
-- A case is in many groups and has many answers. The cases of a cell are of one mission and in the same groups: answers are
-- counted once a cell, and only these counts, which are few, are added up by group.
--
-- Every case of a group is in exactly one of five counts of an attribute, which a test adds up:
--   denominator     a known answer, on a form whose answers may be counted
--   unknown         asked, no answer
--   not_asked       the form does not ask
--   left_out        on a form whose answers are in no rate: stores_only_yes or relation_too_loose (core.dim_form_question)
--   not_applicable  the question makes no sense for the case (the sector of work of somebody who was not made to work)

-- An answer of a case, or why its form's answers are in no rate (see core.dim_form_question).
{% macro analysis_counted_answer(name) -%}
if(
            facts.{{ name }} <> 'not_asked' and reason.{{ name }} in ('relation_too_loose', 'stores_only_yes'),
            reason.{{ name }},
            facts.{{ name }}
        )
{%- endmacro %}

-- Three years: 2002-2004, 2005-2007, …
{% macro analysis_window(year) -%}
printf('%d-%d', {{ period_start(year) }}, {{ period_start(year) }} + 2)
{%- endmacro %}

-- CTEs form_reason and person: one row per case with all that a case is counted by. Flags are answers that may be counted;
-- `exploitation` lists the kinds that the case had (yes on any form), which make it a member of their groups.
{% macro analysis_person() %}
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
        if(facts.registration_year is not null, {{ analysis_window('facts.registration_year') }}, null) as registration_window,
        'all' as everybody,
        if(facts.gender = 'non_specified_unknown' and not form.case__gender, 'not_asked', facts.gender) as gender,
        facts.age_band,
        {{ analysis_counted_answer('is_minor') }} as is_minor,
        case facts.is_minor when 'yes' then 'minor' when 'no' then 'adult' end as age_group,
        facts.age_band_when_trafficked,
        facts.marital_status,
        facts.children_band,
        facts.primary_language,
        facts.education,
        {{ analysis_counted_answer('is_deceased') }} as is_deceased,
        coalesce(country.m49_region, if(form.citizenship__citizenship, 'unknown', 'not_asked')) as citizenship_region,
        coalesce(country.m49_subregion, if(form.citizenship__citizenship, 'unknown', 'not_asked')) as citizenship_subregion,
        case
            when country.is_south_eastern_europe then 'yes'
            when country.country_code is not null then 'no'
            else if(form.citizenship__citizenship, 'unknown', 'not_asked')
        end as is_south_eastern_european,
        {{ analysis_counted_answer('is_sexual_exploitation') }} as is_sexual_exploitation,
        {{ analysis_counted_answer('is_forced_labour') }} as is_forced_labour,
        {{ analysis_counted_answer('is_other_exploitation') }} as is_other_exploitation,
        if(facts.is_sexual_exploitation = 'yes', ['sexual_exploitation'], [])
        || if(facts.is_forced_labour = 'yes', ['forced_labour'], [])
        || if(facts.is_other_exploitation = 'yes', ['other_exploitation'], []) as exploitation,
        facts.is_sexual_exploitation = 'no' as is_not_sexual_exploitation,
        -- a form that asks where the person was screened or registered does not ask where they were exploited
        if(
            facts.country_of_exploitation_basis in ('last_exploitation', 'unknown'),
            {{ analysis_counted_answer('is_cross_border') }},
            'not_asked'
        ) as is_cross_border,
        facts.trafficking_status,
        facts.duration_band,
        facts.referral_source,
        facts.case_status,
        {{ analysis_counted_answer('is_retrafficked') }} as is_retrafficked
    from {{ ref('fct_case') }} as facts
    left join form_reason as reason on facts.mission_code = reason.mission_code and facts.form_version = reason.form_version
    left join {{ ref('int_form') }} as form
        on facts.mission_code = form.mission_code and facts.form_version = form.form_version
    left join {{ ref('dim_country') }} as country on facts.citizenship = country.country_code
)
{% endmacro %}

-- The values of a group column that a case belongs to, beside `all`: an expression over person, a list.
{% macro analysis_group_values(group) -%}
{%- set values = {
    'registration_year': "if(registration_year is not null, [registration_year], [])",
    'gender': "if(gender not in ('non_specified_unknown', 'not_asked'), ['all', gender], ['all'])",
    'age_group': "if(age_group is not null, ['all', age_group], ['all'])",
    'exploitation': "['all'] || exploitation",
} -%}
{{ values[group] }}
{%- endmacro %}

-- CTEs `placed` (person with the case's cell) and `cell_group` (one row per cell × group; a group is a value of each of `groups`).
{% macro analysis_groups(groups, placed='placed') %}
{%- set values = [] %}
{%- for group in groups %}{% do values.append(group ~ '_values') %}{% endfor %}
valued as not materialized (
    select
        *
        {%- for group in groups %},
        {{ analysis_group_values(group) }} as {{ group }}_values
        {%- endfor %}
    from person
),

{{ analysis_cells(values, placed) }},

cell_group as (
    select
        cell,
        mission_code
        {%- for group in groups %},
        {{ group }}
        {%- endfor %}
    from cell
    {%- for group in groups %},
    unnest({{ group }}_values) as its_{{ group }} ({{ group }})
    {%- endfor %}
)
{% endmacro %}

-- The same for marts whose groups are told one at a time (group_by, group_value), within `periods` or without.
{% macro analysis_groups_by(groups, periods=false) %}
{%- set values = ['slices'] + (['registration_year', 'registration_window'] if periods else []) %}
valued as not materialized (
    select
        *,
        [{'group_by': 'all', 'group_value': 'all'}]
        {%- for group in groups %}
        {%- if group == 'exploitation' %}
        || list_transform(exploitation, lambda kind: {'group_by': 'exploitation', 'group_value': kind})
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
    from person
),

{{ analysis_cells(values) }},

cell_group as (
    select
        cell,
        mission_code,
        {%- if periods %}
        period.period_kind,
        period.period,
        {%- endif %}
        slice.group_by,
        slice.group_value
    from (
        select
            cell,
            mission_code,
            {%- if periods %}
            unnest(
                [{'period_kind': 'all', 'period': 'all'}]
                || if(registration_year is not null, [
                    {'period_kind': 'window', 'period': registration_window},
                    {'period_kind': 'year', 'period': registration_year::varchar}
                ], [])
            ) as period,
            {%- endif %}
            slices
        from cell
    ),
    unnest(slices) as one (slice)
)
{% endmacro %}

-- CTEs `cell` and `placed` (`valued` with its cell): cases of one mission that agree in `values`. The number of a cell is a name within the query.
{% macro analysis_cells(values, placed='placed') -%}
cell as materialized (
    select
        row_number() over () as cell,
        mission_code,
        {{ values | join(', ') }}
    from (
        select distinct
            mission_code,
            {{ values | join(', ') }}
        from valued
    )
),

-- made again where it is asked for, and not kept: all columns of all cases are more than memory holds
{{ placed }}_whole as not materialized (
    select
        valued.*,
        cell.cell
    from valued
    inner join cell
        on
            valued.mission_code = cell.mission_code
            {%- for name in values %}
            and valued.{{ name }} is not distinct from cell.{{ name }}
            {%- endfor %}
),

{{ placed }} as (
    select *
    from {{ placed }}_whole
)
{%- endmacro %}

-- Attributes that stand in child tables: where, which field of the form asks, and for whom it makes no sense (RELATION is the
-- table itself; it is named and not referred to, so that a mart depends on the tables that it uses and on no others).
{% macro analysis_child_dimensions() -%}
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
-- answered it once: `is_first`. `cases` are columns of person, `children` names of analysis_child_dimensions, `items` tables
-- that answer each item, `more` names of CTEs of the same columns that the mart has made itself.
{% macro analysis_answers(cases=[], children=[], items=[], more=[]) %}
{%- set every_child = analysis_child_dimensions() %}
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
            row_number() over (partition by case_key) = 1 as is_first
        from {{ ref(child.relation) }}
        where {{ child.column or name }} not in ('unknown', 'not_asked', 'non_specified_unknown')
        {%- if child.where %} and {{ child.where }}{% endif %}
        group by case_key, value
    ) as given on person.case_key = given.case_key
),
{%- endfor %}
{%- for name in items %}

{{ analysis_items(name) }},
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
{% macro analysis_judged_items(relation, table_name) %}
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
{% macro analysis_items(name) %}
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
    {{ analysis_judged_items(name ~ '_item', name) }}
)
{%- endmacro %}

-- The closed lists of attributes, so that a value that nobody has is a row with 0 and no gap.
{% macro analysis_lists() -%}
{{ return({
    'gender': 'gender', 'age_band': 'age_band', 'is_minor': 'answer', 'marital_status': 'marital_status',
    'education': 'highest_level_of_education', 'is_south_eastern_european': 'answer', 'is_sexual_exploitation': 'answer',
    'is_forced_labour': 'answer', 'is_other_exploitation': 'answer', 'is_cross_border': 'answer',
    'trafficking_status': 'trafficking_status', 'duration_band': 'duration_band', 'referral_source': 'organisation_type',
    'case_status': 'case_status', 'is_retrafficked': 'answer', 'exploitation_type': 'exploitation_type',
    'labour_sector': 'labour_sector', 'recruitment_method': 'recruitment_method',
    'recruiter_relationship': 'recruiter_relationship', 'perpetrator_role': 'perpetrator_role',
    'perpetrator_gender': 'gender', 'service_provided': 'service_type', 'role': 'perpetrator_role',
    'age_band_when_trafficked': 'age_band', 'children_band': 'children_band', 'is_deceased': 'answer',
    'is_recruited_at_home': 'answer', 'sexual_exploitation_form': 'sexual_exploitation_form',
    'status_decided_by': 'trafficking_status_decision_making_org', 'referred_here_for': 'referral_reason',
    'referred_on_for': 'referral_reason',
}) }}
{%- endmacro %}

-- CTEs up to `counted`: per group × attribute × item × value the numerator, the denominator, who is in neither, and who contributes.
-- Items are counted by their yes alone.
{% macro analysis_counted(groups, dimensions) %}
{%- set lists = analysis_lists() %}
{%- set item_lists = {
    'means_of_control': 'means_of_control', 'factor': 'vulnerability_factor', 'individual': 'vulnerability_factor',
    'household': 'vulnerability_factor', 'community': 'vulnerability_factor',
} %}
{%- set listed = dimensions | select('in', lists) | list %}
tally as (
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
),

cell_size as (
    select
        cell,
        count(*) as cases
    from placed
    group by cell
),

listed as (
    select
        attribute.dimension,
        '' as item,
        dim_code.code as value
    from (values ('', '') {%- for name in listed %}, ('{{ name }}', '{{ lists[name] }}'){% endfor %}) as attribute (dimension, code_list)
    inner join {{ ref('dim_code') }} as dim_code on attribute.code_list = dim_code.code_list
    where dim_code.code not in ('unknown', 'not_asked', 'non_specified_unknown')
    {%- for name, code_list in item_lists.items() if name in dimensions %}
    union distinct
    select
        '{{ name }}' as dimension,
        code as item,
        'yes' as value
    from {{ ref('dim_code') }}
    where code_list = '{{ code_list }}' and code not in ('unknown', 'not_asked')
    {%- endfor %}
    {%- if 'citizenship_region' in dimensions %}
    union distinct
    select distinct
        'citizenship_region' as dimension,
        '' as item,
        m49_region as value
    from {{ ref('dim_country') }}
    where m49_region <> 'Antarctica'
    {%- endif %}
    union distinct
    select
        dimension,
        item,
        value
    from tally
    where state = 'known' and (item = '' or value = 'yes')
),

group_size as (
    select
        {% for group in groups -%}
        cell_group.{{ group }},
        {% endfor -%}
        sum(size.cases)::bigint as cases
    from cell_group
    inner join cell_size as size on cell_group.cell = size.cell
    group by all
),

contribution as (
    select
        {% for group in groups -%}
        cell_group.{{ group }},
        {% endfor -%}
        tally.dimension,
        tally.item,
        cell_group.mission_code,
        coalesce(sum(tally.cases) filter (tally.state = 'known'), 0)::bigint as known,
        coalesce(sum(tally.cases) filter (tally.state = 'unknown'), 0)::bigint as unknown,
        coalesce(sum(tally.cases) filter (tally.state in ('relation_too_loose', 'stores_only_yes')), 0)::bigint as left_out,
        coalesce(sum(tally.cases) filter (tally.state = 'relation_too_loose'), 0)::bigint as too_loose,
        coalesce(sum(tally.cases) filter (tally.state = 'not_applicable'), 0)::bigint as not_applicable
    from cell_group
    inner join tally on cell_group.cell = tally.cell
    group by all
),

total as (
    select
        {{ groups | join(', ') }},
        dimension,
        item,
        sum(known) as known,
        sum(unknown) as unknown,
        sum(left_out) as left_out,
        sum(too_loose) as too_loose,
        sum(not_applicable) as not_applicable,
        count(*) filter (known > 0) as missions,
        max(known) as largest
    from contribution
    group by all
),

by_value as (
    select
        {% for group in groups -%}
        cell_group.{{ group }},
        {% endfor -%}
        tally.dimension,
        tally.item,
        tally.value,
        sum(tally.answers)::bigint as cases
    from cell_group
    inner join tally on cell_group.cell = tally.cell
    where tally.state = 'known'
    group by all
),

tallied as (
    select
        {% for group in groups -%}
        group_size.{{ group }},
        {% endfor -%}
        listed.dimension,
        listed.item,
        listed.value,
        group_size.cases,
        coalesce(by_value.cases, 0) as numerator,
        coalesce(total.known, 0)::bigint as denominator,
        coalesce(total.unknown, 0)::bigint as unknown,
        coalesce(total.left_out, 0)::bigint as left_out,
        coalesce(total.too_loose, 0) as too_loose,
        coalesce(total.not_applicable, 0)::bigint as not_applicable,
        coalesce(total.missions, 0) as missions,
        total.largest
    from group_size
    cross join listed
    left join total
        on
            listed.dimension = total.dimension
            and listed.item = total.item
            {%- for group in groups %}
            and group_size.{{ group }} = total.{{ group }}
            {%- endfor %}
    left join by_value
        on
            listed.dimension = by_value.dimension
            and listed.item = by_value.item
            and listed.value = by_value.value
            {%- for group in groups %}
            and group_size.{{ group }} = by_value.{{ group }}
            {%- endfor %}
),

counted as (
    select
        * exclude (largest, too_loose),
        cases - denominator - unknown - left_out - not_applicable as not_asked,
        {{ analysis_rate(too_loose='too_loose') }},
        if(denominator > 0, round(largest / denominator, 4), null) as largest_mission_share
    from tallied
)
{% endmacro %}

-- The rate of numerator and denominator, or why there is none, in the words of the macro rate_columns.
{% macro analysis_rate(too_loose='0') -%}
if(denominator >= {{ var('smallest_denominator') }}, round(numerator / denominator, 4), null) as rate,
        case
            when denominator >= {{ var('smallest_denominator') }} then null
            when denominator > 0 then 'too_few'
            when {{ too_loose }} > 0 then 'relation_too_loose'
            when left_out > 0 then 'stores_only_yes'
            when unknown > 0 then 'too_few'
            when not_applicable > 0 then 'not_applicable'
            else 'not_asked'
        end as rate_note
{%- endmacro %}

-- The columns that follow the grain in every such mart.
{% macro analysis_columns() -%}
cases,
    numerator,
    denominator,
    rate,
    rate_note,
    unknown,
    not_asked,
    left_out,
    not_applicable,
    missions,
    largest_mission_share
{%- endmacro %}

-- A bound of Wilson's 95 % interval of a proportion; `sign` is + or -.
{% macro analysis_wilson(numerator, denominator, sign) -%}
round((
        {{ numerator }} + 1.9207 {{ sign }} 1.96 * sqrt({{ numerator }} * ({{ denominator }} - {{ numerator }}) / {{ denominator }} + 0.9604)
    ) / ({{ denominator }} + 3.8415), 4)
{%- endmacro %}

-- The key of `labels` (name to a list of values) that holds the value of `column`.
{% macro analysis_label(column, labels) -%}
case
    {%- for label, values in labels.items() %}
    when {{ column }} in ('{{ values | join("', '") }}') then '{{ label }}'
    {%- endfor %}
end
{%- endmacro %}
