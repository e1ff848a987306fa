-- How the marts of the analysis schema add up the tallies of the missions (macros/tally.sql). A mart is
-- `with {{ analysis_counted(ref('tally_…'), [groups], [attributes]) }} select {{ analysis_columns() }} from counted`.
--
-- Every case of a group is in exactly one of five counts of an attribute, which a test adds up:
--   denominator     a known answer, on a form whose answers may be counted
--   unknown         asked, no answer
--   not_asked       the form does not ask
--   left_out        on a form whose answers are in no rate: stores_only_yes or relation_too_loose (core.dim_form_question)
--   not_applicable  the question makes no sense for the case (the sector of work of somebody who was not made to work)

-- The attributes of marts that sort them, by theme or stage; their tallies count the same ones.
{% macro analysis_themes(mart) -%}
{{ return({
    'gender': {
        'profile': ['age_band', 'is_minor', 'citizenship_region', 'marital_status', 'children_band', 'education'],
        'exploitation': [
            'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'exploitation_type', 'labour_sector',
            'sexual_exploitation_form', 'age_band_when_trafficked', 'is_cross_border', 'duration_band', 'is_retrafficked',
        ],
        'recruitment': ['recruitment_method', 'recruiter_relationship', 'recruitment_platform'],
        'control': ['means_of_control'],
        'perpetrators': ['perpetrator_role', 'perpetrator_gender'],
        'vulnerability': ['factor'],
        'assistance': ['referral_source', 'service_provided', 'referred_on_for', 'case_status'],
    },
    'process': {
        'recruitment': ['recruitment_method', 'recruiter_relationship', 'recruitment_platform', 'is_recruited_at_home'],
        'journey': ['is_cross_border', 'legs'],
        'exploitation': [
            'age_band_when_trafficked', 'exploitation_type', 'labour_sector', 'sexual_exploitation_form', 'exploitation_platform',
            'duration_band',
        ],
        'identification': ['age_band', 'referral_source', 'referred_here_for', 'status_decided_by', 'trafficking_status'],
        'exit': ['referred_on_for', 'case_status', 'is_deceased', 'is_retrafficked'],
    },
    'profiles': {
        'profile': [
            'everybody', 'gender', 'age_band', 'is_minor', 'citizenship_region', 'is_south_eastern_european',
            'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'is_cross_border', 'marital_status',
            'children_band', 'education',
        ],
    },
    'trends': {
        'case': [
            'everybody', 'gender', 'age_band', 'is_minor', 'citizenship_region', 'is_south_eastern_european',
            'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'is_cross_border', 'trafficking_status',
            'is_retrafficked', 'duration_band', 'referral_source',
        ],
        'recruitment': ['recruiter_relationship'],
    },
}[mart]) }}
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
-- Items are counted by their yes alone. `tally` is the mart's tally, or a CTE with its columns.
{% macro analysis_counted(tally, groups, dimensions) %}
{%- set lists = analysis_lists() %}
{%- set item_lists = {
    'means_of_control': 'means_of_control', 'factor': 'vulnerability_factor', 'individual': 'vulnerability_factor',
    'household': 'vulnerability_factor', 'community': 'vulnerability_factor',
} %}
{%- set listed = dimensions | select('in', lists) | list %}
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
    from {{ tally }}
    where state = 'known' and (item = '' or value = 'yes')
),

group_size as (
    select
        {{ groups | join(', ') }},
        sum(cases)::bigint as cases
    from {{ tally }}
    where state = 'everybody'
    group by all
),

contribution as (
    select
        {{ groups | join(', ') }},
        dimension,
        item,
        mission_code,
        coalesce(sum(cases) filter (state = 'known'), 0)::bigint as known,
        coalesce(sum(cases) filter (state = 'unknown'), 0)::bigint as unknown,
        coalesce(sum(cases) filter (state in ('relation_too_loose', 'stores_only_yes')), 0)::bigint as left_out,
        coalesce(sum(cases) filter (state = 'relation_too_loose'), 0)::bigint as too_loose,
        coalesce(sum(cases) filter (state = 'not_applicable'), 0)::bigint as not_applicable
    from {{ tally }}
    where state <> 'everybody'
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
        {{ groups | join(', ') }},
        dimension,
        item,
        value,
        sum(answers)::bigint as cases
    from {{ tally }}
    where state = 'known'
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
