-- What emerging raises rests on cases of both windows, in several months, and over all missions on several of them.
select
    scope,
    mission_code,
    dimension,
    value
from {{ ref('emerging') }}
where
    (status = 'raised') != (reason is null)
    or (
        status = 'raised'
        and (
            direction != 'up'
            or q_value > {{ var('emerging_false_share') }}
            or recent_numerator < {{ var('emerging_smallest_cases') }}
            or past_denominator < {{ var('smallest_denominator') }}
            or months < {{ var('emerging_smallest_months') }}
            or (scope = 'all_missions' and missions_up < {{ var('emerging_smallest_missions') }})
        )
    )
