-- The fields of child tables whose answers are counted by quality.field_coverage: a case has answered a field if one of its
-- rows has a known value. `if` is the condition under which the field makes sense for a case (aliases: facts, and row counts in
-- `has`); without it every case can answer. A case that answered is in it in any case.
{% macro covered_children() -%}
{% set labour = "facts.is_forced_labour = 'yes' or has.labour" -%}
{% set sexual = "facts.is_sexual_exploitation = 'yes' or has.sexual" -%}
{{ return([
    {'table': 'exploitation', 'field': 'exploitation_type'},
    {'table': 'exploitation', 'field': 'labour_sector', 'if': labour},
    {'table': 'exploitation', 'field': 'country'},
    {'table': 'sexual_exploitation', 'field': 'sexual_exploitation_form', 'if': sexual},
    {'table': 'online_platform', 'field': 'platform', 'if': 'has.online'},
    {'table': 'recruitment', 'field': 'recruitment_method'},
    {'table': 'recruitment', 'field': 'recruiter_relationship'},
    {'table': 'recruitment', 'field': 'country'},
    {'table': 'route_leg', 'field': 'from_country', 'if': 'has.leg'},
    {'table': 'route_leg', 'field': 'to_country', 'if': 'has.leg'},
    {'table': 'event', 'field': 'event_type', 'if': 'has.event'},
    {'table': 'event', 'field': 'country', 'if': 'has.event'},
    {'table': 'perpetrator', 'field': 'role', 'if': 'has.perpetrator'},
    {'table': 'perpetrator', 'field': 'gender', 'if': 'has.perpetrator'},
    {'table': 'perpetrator', 'field': 'age_band', 'if': 'has.perpetrator'},
    {'table': 'perpetrator', 'field': 'citizenship', 'if': 'has.perpetrator'},
    {'table': 'screening', 'field': 'decision', 'if': 'has.screening'},
    {'table': 'screening', 'field': 'decided_by', 'if': 'has.screening'},
    {'table': 'referral', 'field': 'direction', 'if': 'has.referral'},
    {'table': 'referral', 'field': 'reason', 'if': 'has.referral'},
    {'table': 'referral', 'field': 'organisation_type', 'if': 'has.referral'},
    {'table': 'referral', 'field': 'organisation_country', 'if': 'has.referral'},
    {'table': 'assistance', 'field': 'service_type'},
    {'table': 'assistance', 'field': 'status', 'if': 'has.assistance'},
    {'table': 'assistance', 'field': 'provider_type', 'if': 'has.assistance'},
]) }}
{%- endmacro %}

-- What a code says if it says nothing.
{% macro no_answer() -%}
('unknown', 'not_asked', 'non_specified_unknown')
{%- endmacro %}
