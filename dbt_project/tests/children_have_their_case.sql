-- Every fact is of a published case.
{% set facts = [
    'bridge_case_citizenship', 'fct_exploitation', 'fct_sexual_exploitation', 'fct_online_platform', 'fct_control',
    'fct_recruitment', 'fct_route_leg', 'fct_event', 'fct_perpetrator', 'bridge_perpetrator_role', 'fct_vulnerability',
    'fct_screening', 'fct_referral', 'fct_assistance', 'fct_local_attribute',
] -%}
with child as (
    {% for fact in facts -%}
        select
            '{{ fact }}' as table_name,
            case_key
        from {{ ref(fact) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

-- one join: each would hold the keys of all cases in memory at once
select
    child.table_name,
    count(*) as orphans
from child
anti join {{ ref('fct_case') }} as facts on child.case_key = facts.case_key
group by child.table_name
