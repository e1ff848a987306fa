with {{ analysis_person() }},

{{ analysis_groups(['exploitation', 'gender']) }},

{{ analysis_answers(items=['control']) }},

{{ analysis_counted(['exploitation', 'gender'], ['means_of_control']) }},

written as (
    select
        cell_group.exploitation,
        cell_group.gender,
        tally.item,
        coalesce(sum(tally.answers) filter (tally.value = 'yes'), 0)::bigint as yes,
        coalesce(sum(tally.answers) filter (tally.value = 'no'), 0)::bigint as no
    from cell_group
    inner join tally on cell_group.cell = tally.cell
    group by cell_group.exploitation, cell_group.gender, tally.item
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
