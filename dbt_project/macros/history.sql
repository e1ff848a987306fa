-- History: each fact's rows with the nights in which they held, made anew each night from what was known before it
-- (`earlier`, the history of the nights before) and from tonight's facts. Nothing is updated in place: the same
-- earlier history and the same facts give the same rows, however often a night is run (docs/adr/0018-history.md).

-- The facts that have a history: every table of core with a case_key. A test compares this list with core.
{% macro history_facts() -%}
{{ return([
    'bridge_case_citizenship', 'bridge_perpetrator_role', 'fct_assistance', 'fct_case',
    'fct_control', 'fct_event', 'fct_exploitation', 'fct_local_attribute',
    'fct_online_platform', 'fct_perpetrator', 'fct_recruitment', 'fct_referral',
    'fct_route_leg', 'fct_screening', 'fct_sexual_exploitation', 'fct_vulnerability',
]) }}
{%- endmacro %}

-- The model of a fact; its columns are those of its enforced contract.
{% macro history_fact(fact) -%}
{{ return(graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | selectattr('name', 'equalto', fact) | first) }}
{%- endmacro %}

-- The columns of a fact that history keeps: all but those which its model leaves out (`meta: {history: {without: […]}}`).
{% macro history_columns(fact) -%}
{%- if not execute %}{{ return(['case_key']) }}{% endif -%}
{%- set model = history_fact(fact) -%}
{{ return(model.columns.keys() | reject('in', history_left_out(model)) | list) }}
{%- endmacro %}

{% macro history_left_out(model) -%}
{{ return(model.config.get('meta', {}).get('history', {}).get('without', [])) }}
{%- endmacro %}

-- The history of a fact after tonight. A row that held before and is there tonight goes on; one that is not there
-- ends tonight; one that is new begins tonight. Of cases that are withheld or erased nothing comes in here: they
-- are taken out of landing and of the earlier history before dbt runs (counterflow.purging).
{% macro history_of(fact) -%}
{%- set columns = history_columns(fact) -%}
with earlier as (
    select
        {{ columns | join(',\n        ') }},
        valid_from,
        case when valid_until < {{ night() }} then valid_until end as valid_until
    from {{ source('earlier', fact) }}
    where valid_from < {{ night() }}
),

held as (
    select
        {{ columns | join(',\n        ') }},
        valid_from
    from earlier
    where valid_until is null
)

select
    tonight.{{ columns | join(',\n    tonight.') }},
    coalesce(held.valid_from, {{ night() }}) as valid_from,
    cast(null as date) as valid_until
from {{ ref(fact) }} as tonight
left join held on {{ history_same(columns, 'held') }}
union all
select
    held.{{ columns | join(',\n    held.') }},
    held.valid_from,
    {{ night() }} as valid_until
from held
anti join {{ ref(fact) }} as tonight on {{ history_same(columns, 'held') }}
union all
select
    {{ columns | join(',\n    ') }},
    valid_from,
    valid_until
from earlier
where valid_until is not null
{%- endmacro %}

-- That a row of `tonight` and one of `other` are the same in every column.
{% macro history_same(columns, other) -%}
{%- for name in columns -%}
{{ 'and ' if not loop.first }}tonight.{{ name }} is not distinct from {{ other }}.{{ name }}{{ ' ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}

-- What the comment of a history table says: the fact's own grain and caveat, and those of history.
{% macro history_description(fact) -%}
{%- set described = history_fact(fact).description.split('Caveat: ') -%}
{%- set caveat = described[1:] | join(' ') | trim -%}
{{ return(
    'One row per row of core.' ~ fact ~ ' × period in which it held, from the night valid_from up to, not including, the night '
    ~ 'valid_until (empty: it holds). In core: ' ~ (described[0] | trim | replace('\n', ' ')) ~ ' '
    ~ 'history.' ~ fact ~ '_as_of(night) is the table as it was.\n\nCaveat: ' ~ caveat
    ~ ' ' ~ history_caveat()
) }}
{%- endmacro %}

{% macro history_caveat() -%}
{{ return(
    'A change here is a change of the record (an entry corrected, a form mapped anew, an export that left a case out) '
    ~ 'and seldom an event in a life. Cases whose consent was withdrawn are in no night, so that a past night holds '
    ~ 'fewer cases than were published on it.'
) }}
{%- endmacro %}

-- dbt's own snapshot merges into a table by the time of a clock; ours is a function of the earlier history and of
-- tonight, so the table is made whole. Comments are those of the fact.
{% materialization snapshot, adapter='duckdb' %}
    {%- set fact = model.alias -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        create or replace table {{ target_relation }} as (
            {{ sql }}
        )
    {%- endcall %}
    {% call statement('comments') -%}
        {% set kept = {} -%}
        {% for column in history_columns(fact) -%}
            {% do kept.update({column: history_fact(fact).columns[column]}) -%}
        {% endfor -%}
        {{ table_comments(target_relation, history_description(fact), kept) }}
        comment on column {{ target_relation }}.valid_from is 'The first night on which the row held.';
        comment on column {{ target_relation }}.valid_until is 'The first night on which it held no more; empty while it holds.';
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
