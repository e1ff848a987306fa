with summed as (
    select
        measure,
        previous_period,
        period,
        sum(previous_numerator) as previous_numerator,
        sum(previous_denominator) as previous_denominator,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(*) filter (mission_change = 'stayed') as missions_stayed,
        count(*) filter (mission_change = 'new') as missions_new,
        count(*) filter (mission_change = 'vanished') as missions_vanished,
        sum(within_mission order by mission_code) as within_missions,
        sum(mission_mix order by mission_code) as mix_of_missions,
        coalesce(sum(mission_mix order by mission_code) filter (mission_change = 'stayed'), 0) as mix_of_stayed,
        coalesce(sum(mission_mix order by mission_code) filter (mission_change = 'new'), 0) as mix_of_new,
        coalesce(sum(mission_mix order by mission_code) filter (mission_change = 'vanished'), 0) as mix_of_vanished
    from {{ ref('representation_change_mission') }}
    group by measure, previous_period, period
)

select
    measure,
    previous_period,
    period,
    cast(previous_numerator as bigint) as previous_numerator,
    cast(previous_denominator as bigint) as previous_denominator,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator,
    cast(previous_numerator / previous_denominator as double) as previous_share,
    cast(numerator / denominator as double) as share,
    cast(numerator / denominator - previous_numerator / previous_denominator as double) as change,
    within_missions,
    mix_of_missions,
    mix_of_stayed,
    mix_of_new,
    mix_of_vanished,
    missions_stayed,
    missions_new,
    missions_vanished,
    case
        when least(previous_denominator, denominator) < {{ var('smallest_denominator') }} then 'too_few'
        when abs(within_missions) >= abs(mix_of_missions) then 'mostly_within_missions'
        else 'mostly_mix_of_missions'
    end as reading
from summed
order by measure, period
