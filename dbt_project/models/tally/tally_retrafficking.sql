{%- set groups = [
    'gender', 'age_group', 'age_band', 'exploitation', 'citizenship_region', 'is_south_eastern_european', 'is_cross_border',
    'duration_band', 'referral_source', 'registration_window',
] -%}
with {{ tally_person() }},

{{ tally_groups_by(groups) }},

{{ tally_answers(cases=['is_retrafficked']) }},

{{ tally_counted(['group_by', 'group_value']) }}
