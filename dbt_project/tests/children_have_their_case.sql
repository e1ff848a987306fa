-- Every fact is of a published case.
{% set facts = [
    'bridge_case_citizenship', 'fct_exploitation', 'fct_sexual_exploitation', 'fct_online_platform', 'fct_control',
    'fct_recruitment', 'fct_route_leg', 'fct_event', 'fct_perpetrator', 'bridge_perpetrator_role', 'fct_vulnerability',
    'fct_screening', 'fct_referral', 'fct_assistance', 'fct_local_attribute',
] -%}
{% for fact in facts -%}
    select
        '{{ fact }}' as table_name,
        count(*) as orphans
    from {{ ref(fact) }} as fact
    anti join {{ ref('fct_case') }} as facts on fact.case_key = facts.case_key
    having count(*) > 0
    {{ 'union all' if not loop.last }}
{% endfor %}
