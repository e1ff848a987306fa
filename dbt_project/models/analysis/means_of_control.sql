with {{ analysis_person() }},

{{ analysis_member(['exploitation', 'gender']) }},

{{ analysis_answers(items=['control']) }},

{{ analysis_counted(['exploitation', 'gender'], ['means_of_control']) }},

written as (
    select
        member.exploitation,
        member.gender,
        answer.item,
        count(*) filter (answer.value = 'yes') as yes,
        count(*) filter (answer.value = 'no') as no
    from member
    inner join answer on member.case_key = answer.case_key
    group by member.exploitation, member.gender, answer.item
)

select
    counted.exploitation,
    counted.gender,
    counted.item as means_of_control,
    counted.cases - counted.not_asked as asked,
    coalesce(written.yes, 0) as yes,
    coalesce(written.no, 0) as no,
    {{ analysis_columns() }}
from counted
left join written
    on
        counted.exploitation = written.exploitation
        and counted.gender = written.gender
        and counted.item = written.item
order by counted.exploitation, counted.gender, counted.item
