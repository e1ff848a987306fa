with {{ tally_person() }},

{{ tally_groups(['registration_year']) }},

{{ tally_answers(cases=analysis_themes('trends')['case'], children=analysis_themes('trends')['recruitment']) }},

{{ tally_counted(['registration_year']) }}
