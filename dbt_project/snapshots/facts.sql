{# What each fact looked like when. One line a fact; `history_of` says what becomes of its rows tonight. #}
{% snapshot history_bridge_case_citizenship %}{{ history_of('bridge_case_citizenship') }}{% endsnapshot %}
{% snapshot history_bridge_perpetrator_role %}{{ history_of('bridge_perpetrator_role') }}{% endsnapshot %}
{% snapshot history_fct_assistance %}{{ history_of('fct_assistance') }}{% endsnapshot %}
{% snapshot history_fct_case %}{{ history_of('fct_case') }}{% endsnapshot %}
{% snapshot history_fct_control %}{{ history_of('fct_control') }}{% endsnapshot %}
{% snapshot history_fct_event %}{{ history_of('fct_event') }}{% endsnapshot %}
{% snapshot history_fct_exploitation %}{{ history_of('fct_exploitation') }}{% endsnapshot %}
{% snapshot history_fct_local_attribute %}{{ history_of('fct_local_attribute') }}{% endsnapshot %}
{% snapshot history_fct_online_platform %}{{ history_of('fct_online_platform') }}{% endsnapshot %}
{% snapshot history_fct_perpetrator %}{{ history_of('fct_perpetrator') }}{% endsnapshot %}
{% snapshot history_fct_recruitment %}{{ history_of('fct_recruitment') }}{% endsnapshot %}
{% snapshot history_fct_referral %}{{ history_of('fct_referral') }}{% endsnapshot %}
{% snapshot history_fct_route_leg %}{{ history_of('fct_route_leg') }}{% endsnapshot %}
{% snapshot history_fct_screening %}{{ history_of('fct_screening') }}{% endsnapshot %}
{% snapshot history_fct_sexual_exploitation %}{{ history_of('fct_sexual_exploitation') }}{% endsnapshot %}
{% snapshot history_fct_vulnerability %}{{ history_of('fct_vulnerability') }}{% endsnapshot %}
