-- A change of a share is what happened within missions plus the mix of missions, to the last digit that a double has.
select
    measure,
    period
from {{ ref('representation_change') }}
where
    abs(change - within_missions - mix_of_missions) > 1e-9
    or abs(mix_of_missions - mix_of_stayed - mix_of_new - mix_of_vanished) > 1e-9
