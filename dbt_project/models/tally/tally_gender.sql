{%- set dimensions = analysis_themes('gender').values() | sum(start=[]) -%}
{%- set children = dimensions | select('in', tally_children()) | list -%}
{%- set cases = dimensions | reject('in', children + ['means_of_control', 'factor']) | list -%}
with {{ tally_person() }},

{{ tally_groups(['gender', 'age_group']) }},

{{ tally_answers(cases=cases, children=children, items=['control', 'vulnerability']) }},

{{ tally_counted(['gender', 'age_group']) }}
