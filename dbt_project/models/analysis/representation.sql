-- A published share is compared with the same years of our data, if there are any; otherwise with the nearest three years.
with published as (
    select
        reference,
        measure,
        first_year,
        coalesce(last_year, greatest(first_year, cast(year({{ night() }}) as integer))) as last_year,
        coalesce(numerator / denominator, share) as share,
        denominator,
        population,
        note,
        source
    from {{ ref('reference') }}
),

tally as (
    select
        *,
        cast(year(registered_month) as integer) as registration_year
    from {{ ref('tally_representation') }}
),

three_years as (
    select distinct
        'three_years' as period_kind,
        {{ period_start('registration_year') }} as first_year,
        {{ period_start('registration_year') }} + 2 as last_year
    from tally
),

span as (
    select
        period_kind,
        first_year,
        last_year
    from three_years
    union all
    select distinct
        'years_of_reference' as period_kind,
        first_year,
        last_year
    from published
    where (first_year, last_year) not in (select (three.first_year, three.last_year) from three_years as three)
),

mission_count as (
    select
        span.period_kind,
        span.first_year,
        span.last_year,
        measured.measure,
        measured.mission_code,
        cast(sum(measured.known) as bigint) as known,
        cast(sum(measured.numerator) as bigint) as numerator,
        cast(coalesce(sum(measured.known) filter (monthly.is_bulk), 0) as bigint) as bulk
    from span
    inner join tally as measured on measured.registration_year between span.first_year and span.last_year
    left join {{ ref('representation_month') }} as monthly
        on measured.mission_code = monthly.mission_code and measured.registered_month = monthly.registered_month
    where measured.measure <> 'everybody'
    group by all
),

counted as (
    select
        period_kind,
        first_year,
        last_year,
        measure,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(known) as bigint) as denominator,
        count(*) as missions,
        max(known) / sum(known) as largest_mission_share,
        sum(bulk) / sum(known) as bulk_share
    from mission_count
    group by all
),

registered as (
    select
        span.first_year,
        span.last_year,
        cast(sum(tally.known) as bigint) as cases
    from span
    inner join tally on tally.registration_year between span.first_year and span.last_year
    where tally.measure = 'everybody'
    group by all
),

measured as (
    select
        counted.*,
        registered.cases,
        cast(counted.numerator / counted.denominator as double) as share,
        {{ wilson('counted.numerator', 'counted.denominator', 'low') }} as share_low,
        {{ wilson('counted.numerator', 'counted.denominator', 'high') }} as share_high
    from counted
    inner join registered
        on counted.first_year = registered.first_year and counted.last_year = registered.last_year
),

candidate as (
    select
        published.reference,
        published.measure,
        measured.period_kind,
        measured.first_year,
        measured.last_year,
        greatest(published.first_year - measured.last_year, measured.first_year - published.last_year, 0) as years_apart,
        measured.first_year = published.first_year and measured.last_year = published.last_year as is_same
    from published
    inner join measured on published.measure = measured.measure
    where
        measured.period_kind = 'three_years'
        or (measured.first_year = published.first_year and measured.last_year = published.last_year)
),

paired as (
    select
        reference,
        measure,
        arg_min(first_year, (if(is_same, 0, 1), years_apart, -first_year)) as first_year,
        arg_min(last_year, (if(is_same, 0, 1), years_apart, -first_year)) as last_year,
        min(if(is_same, 0, years_apart)) as years_apart
    from candidate
    group by reference, measure
),

compared as (
    select
        measured.*,
        published.reference,
        published.population as reference_population,
        published.first_year as reference_first_year,
        published.last_year as reference_last_year,
        paired.years_apart,
        published.share as reference_share,
        published.note as reference_note,
        published.source as reference_source,
        measured.denominator >= {{ var('smallest_denominator') }} as is_enough,
        coalesce({{ wilson('published.share * published.denominator', 'published.denominator', 'low') }}, published.share)
            as reference_low,
        coalesce({{ wilson('published.share * published.denominator', 'published.denominator', 'high') }}, published.share)
            as reference_high
    from measured
    left join paired
        on
            measured.measure = paired.measure
            and measured.first_year = paired.first_year
            and measured.last_year = paired.last_year
    left join published on paired.reference = published.reference and paired.measure = published.measure
),

-- Newcombe's interval of a difference of two shares; a reference without a denominator is taken as exact.
differing as (
    select
        *,
        is_enough and years_apart <= 1 as is_compared,
        share - reference_share as difference,
        share - reference_share
        - sqrt(power(share - share_low, 2) + power(reference_high - reference_share, 2)) as difference_low,
        share - reference_share
        + sqrt(power(share_high - share, 2) + power(reference_share - reference_low, 2)) as difference_high
    from compared
)

select
    period_kind,
    first_year,
    last_year,
    if(first_year = last_year, cast(first_year as varchar), first_year || '-' || last_year) as period,
    measure,
    numerator,
    denominator,
    cases,
    if(is_enough, round(share, 4), null) as share,
    if(is_enough, round(share_low, 4), null) as share_low,
    if(is_enough, round(share_high, 4), null) as share_high,
    missions,
    round(largest_mission_share, 4) as largest_mission_share,
    round(bulk_share, 4) as bulk_share,
    coalesce(reference, 'none') as reference,
    reference_population,
    reference_first_year,
    reference_last_year,
    round(reference_share, 4) as reference_share,
    reference_note,
    reference_source,
    if(is_compared, round(difference, 4), null) as difference,
    if(is_compared, round(difference_low, 4), null) as difference_low,
    if(is_compared, round(difference_high, 4), null) as difference_high,
    case
        when reference is null then 'no_reference'
        when not is_enough then 'too_few'
        when not is_compared then 'other_years'
        when difference_low > 0 then 'above'
        when difference_high < 0 then 'below'
        else 'within_chance'
    end as comparison
from differing
order by measure, first_year, last_year, reference
