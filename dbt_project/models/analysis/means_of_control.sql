with {{ analysis_counted(ref('tally_means_of_control'), ['exploitation', 'gender'], ['means_of_control']) }},

written as (
    select
        exploitation,
        gender,
        item,
        coalesce(sum(answers) filter (value = 'yes'), 0)::bigint as yes,
        coalesce(sum(answers) filter (value = 'no'), 0)::bigint as no
    from {{ ref('tally_means_of_control') }}
    where state <> 'everybody'
    group by exploitation, gender, item
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
