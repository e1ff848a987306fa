-- Which means come together. The row of a means without another (`with_means_of_control` is empty) counts who has it: `numerator`.
with {{ tally_person() }},

{{ tally_groups(['age_group', 'exploitation']) }},

{{ tally_items('control') }},

-- forms that store a no: whoever has the first means is on one
answered as (
    select
        cell,
        case_key,
        item,
        state = 'known' as is_known,
        state = 'known' and value = 'yes' as is_yes
    from control_answer
    where state in ('known', 'unknown')
),

cell_pair as (
    select
        one.cell,
        one.item as means_of_control,
        other.item as with_means_of_control,
        count(*) filter (one.is_known and other.is_known) as answered_both,
        count(*) filter (one.is_yes and other.is_known) as denominator,
        count(*) filter (one.is_yes and other.is_yes) as numerator,
        count(*) filter (one.is_known and other.is_yes) as with_yes,
        count(*) filter (one.is_yes and not other.is_known) as unknown
    from answered as one
    inner join answered as other on one.case_key = other.case_key and one.item <> other.item
    group by all
    union all
    select
        cell,
        item as means_of_control,
        '' as with_means_of_control,
        0 as answered_both,
        0 as denominator,
        count(*) filter (is_yes) as numerator,
        0 as with_yes,
        0 as unknown
    from answered
    group by cell, item
)

select
    cell_group.mission_code,
    cell_group.age_group,
    cell_group.exploitation,
    cell_pair.means_of_control,
    cell_pair.with_means_of_control,
    sum(cell_pair.answered_both)::bigint as answered_both,
    sum(cell_pair.denominator)::bigint as denominator,
    sum(cell_pair.numerator)::bigint as numerator,
    sum(cell_pair.with_yes)::bigint as with_yes,
    sum(cell_pair.unknown)::bigint as unknown
from cell_group
inner join cell_pair on cell_group.cell = cell_pair.cell
group by all
