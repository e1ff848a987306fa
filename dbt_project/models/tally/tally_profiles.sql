{%- set dimensions = analysis_themes('profiles').values() | sum(start=[]) -%}
with {{ tally_person() }},

{{ tally_groups_by(['gender', 'age_group', 'exploitation', 'citizenship_region'], years=true) }},

{{ tally_answers(cases=dimensions) }},

{{ tally_counted(['registration_year', 'group_by', 'group_value']) }}
