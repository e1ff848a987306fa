with {{ tally_person() }},

{{ tally_groups(['exploitation', 'gender']) }},

{{ tally_answers(items=['control']) }},

{{ tally_counted(['exploitation', 'gender']) }}
