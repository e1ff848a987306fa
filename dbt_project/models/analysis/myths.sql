-- Each statement about all victims is held against those who contradict it. The statements and their measures are the seed
-- reference_myth.
with counted as (
    select
        myth,
        cast(sum(denominator) as bigint) as denominator,
        cast(sum(numerator) as bigint) as numerator,
        count(*) as missions,
        count(*) filter (numerator > 0) as missions_against
    from {{ ref('tally_myths') }}
    group by myth
),

-- "Only" falls with a share of counterexamples that no error of recording explains; "mostly" with half.
measured as (
    select
        told.*,
        if(told.kind = 'only', {{ var('myth_only') }}, {{ var('myth_mostly') }}) as threshold,
        coalesce(counted.numerator, 0) as numerator,
        coalesce(counted.denominator, 0) as denominator,
        coalesce(counted.missions, 0) as missions,
        coalesce(counted.missions_against, 0) as missions_against,
        {{ wilson('counted.numerator', 'counted.denominator', 'low') }} as share_low,
        {{ wilson('counted.numerator', 'counted.denominator', 'high') }} as share_high
    from {{ ref('reference_myth') }} as told
    left join counted on told.myth = counted.myth
)

select
    myth,
    statement,
    measure,
    numerator,
    denominator,
    missions,
    missions_against,
    if(denominator >= {{ var('smallest_denominator') }}, round(numerator / denominator, 4), null) as share,
    if(denominator >= {{ var('smallest_denominator') }}, round(share_low, 4), null) as share_low,
    if(denominator >= {{ var('smallest_denominator') }}, round(share_high, 4), null) as share_high,
    cast(threshold as double) as threshold,
    case
        when denominator < {{ var('smallest_denominator') }} or missions < {{ var('myth_smallest_missions') }} then 'too_few'
        when share_low >= threshold and missions_against >= {{ var('myth_smallest_missions') }} then 'contradicted'
        else 'not_contradicted'
    end as verdict,
    caveat
from measured
order by myth
