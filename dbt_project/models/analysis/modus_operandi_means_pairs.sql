{%- set grain = ['age_group', 'exploitation'] -%}
-- Which means come together: of the cases with one means, how many have the other, and how many have it in all.
with {{ analysis_person() }},

{{ analysis_groups(grain) }},

{{ analysis_items('control') }},

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
),

by_mission as (
    select
        cell_group.age_group,
        cell_group.exploitation,
        cell_pair.means_of_control,
        cell_pair.with_means_of_control,
        cell_group.mission_code,
        sum(cell_pair.answered_both) as answered_both,
        sum(cell_pair.denominator)::bigint as denominator,
        sum(cell_pair.numerator) as numerator,
        sum(cell_pair.with_yes) as with_yes,
        sum(cell_pair.unknown) as unknown
    from cell_group
    inner join cell_pair on cell_group.cell = cell_pair.cell
    group by all
),

cell_means as (
    select
        cell,
        item,
        count(*) filter (is_yes) as cases
    from answered
    group by cell, item
),

first_means as (
    select
        cell_group.age_group,
        cell_group.exploitation,
        cell_means.item as means_of_control,
        sum(cell_means.cases)::bigint as cases
    from cell_group
    inner join cell_means on cell_group.cell = cell_means.cell
    group by cell_group.age_group, cell_group.exploitation, cell_means.item
),

tallied as (
    select
        age_group,
        exploitation,
        means_of_control,
        with_means_of_control,
        sum(answered_both)::bigint as answered_both,
        sum(denominator)::bigint as denominator,
        sum(numerator)::bigint as numerator,
        sum(with_yes)::bigint as with_yes,
        sum(unknown)::bigint as unknown,
        count(*) filter (denominator > 0) as missions,
        max(denominator) as largest
    from by_mission
    group by age_group, exploitation, means_of_control, with_means_of_control
)

select
    tallied.age_group,
    tallied.exploitation,
    tallied.means_of_control,
    tallied.with_means_of_control,
    tallied.numerator,
    tallied.denominator,
    if(tallied.denominator >= {{ var('smallest_denominator') }}, round(tallied.numerator / tallied.denominator, 4), null) as rate,
    if(tallied.denominator >= {{ var('smallest_denominator') }}, null, 'too_few') as rate_note,
    tallied.unknown,
    first_means.cases - tallied.denominator - tallied.unknown as not_asked,
    tallied.answered_both,
    round(tallied.with_yes / tallied.answered_both, 4) as base_rate,
    if(
        tallied.denominator >= {{ var('smallest_denominator') }} and tallied.with_yes > 0,
        round((tallied.numerator / tallied.denominator) / (tallied.with_yes / tallied.answered_both), 4),
        null
    ) as lift,
    tallied.missions,
    if(tallied.denominator > 0, round(tallied.largest / tallied.denominator, 4), null) as largest_mission_share
from tallied
inner join first_means
    on
        tallied.age_group = first_means.age_group
        and tallied.exploitation = first_means.exploitation
        and tallied.means_of_control = first_means.means_of_control
where tallied.answered_both > 0
order by tallied.age_group, tallied.exploitation, tallied.means_of_control, tallied.with_means_of_control
