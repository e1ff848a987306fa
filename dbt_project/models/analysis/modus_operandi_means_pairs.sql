-- Which means come together: of the cases with one means, how many have the other, and how many have it in all.
with first_means as (
    select
        age_group,
        exploitation,
        means_of_control,
        sum(numerator)::bigint as cases
    from {{ ref('tally_modus_operandi_means_pairs') }}
    where with_means_of_control = ''
    group by age_group, exploitation, means_of_control
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
    from {{ ref('tally_modus_operandi_means_pairs') }}
    where with_means_of_control <> ''
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
