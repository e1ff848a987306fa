{%- set fates = ['new_mission', 'bulk_load', 'changed_form', 'one_window'] -%}
-- Is a value more frequent in the last 12 months than in the 36 before? Compared are shares, never counts, of cases of one
-- mission on one version of its form: a mission that began lately, a version without cases in both windows and bulk months
-- are left out, so that none of them can raise anything. The strata (mission × form version) are put together after Mantel
-- and Haenszel; with one stratum this is the plain ratio of two shares.
with span as (
    select
        date_trunc('month', {{ night() }}) as last_month,
        cast(date_trunc('month', {{ night() }}) - interval 11 month as date) as recent_from,
        cast(date_trunc('month', {{ night() }}) - interval 47 month as date) as past_from
),

-- Four years in view, the last of them the recent window (block 3).
mission_month as (
    select
        monthly.mission_code,
        monthly.registered_month,
        monthly.cases,
        monthly.is_bulk,
        span.recent_from,
        cast(floor(date_diff('month', span.past_from, monthly.registered_month) / 12) as integer) as block
    from {{ ref('representation_month') }} as monthly
    cross join span
    where monthly.registered_month >= span.past_from
),

mission_block as (
    select
        mission_code,
        block,
        coalesce(sum(cases) filter (not is_bulk), 0) as cases
    from mission_month
    group by mission_code, block
),

-- A backlog that is spread over a year makes no month stand out, but the year.
judged_block as (
    select
        mission_code,
        block,
        coalesce(
            cases > {{ var('bulk_year_margin') }}
            + {{ var('bulk_year_ratio') }} * (sum(cases) over its_own - cases) / nullif(count(*) over its_own - 1, 0),
            false
        ) as is_bulk
    from mission_block
    window its_own as (partition by mission_code)
),

mission_start as (
    select
        mission_code,
        min(registered_month) as first_month
    from {{ ref('representation_month') }}
    group by mission_code
),

placed_month as (
    select
        mission_month.mission_code,
        mission_month.registered_month,
        mission_month.block = 3 as is_recent,
        case
            when mission_start.first_month > mission_month.recent_from - interval 12 month then 'new_mission'
            when mission_month.is_bulk or judged_block.is_bulk then 'bulk_load'
        end as set_aside
    from mission_month
    inner join judged_block
        on mission_month.mission_code = judged_block.mission_code and mission_month.block = judged_block.block
    inner join mission_start on mission_month.mission_code = mission_start.mission_code
),

known as (
    select
        tally.*,
        placed_month.is_recent,
        placed_month.set_aside
    from {{ ref('tally_emerging') }} as tally
    inner join placed_month
        on tally.mission_code = placed_month.mission_code and tally.registered_month = placed_month.registered_month
),

-- Cases in which anything is known of the dimension, by window.
stratum as (
    select
        mission_code,
        form_version,
        dimension,
        cast(coalesce(sum(cases) filter (is_recent), 0) as bigint) as recent_known,
        cast(coalesce(sum(cases) filter (not is_recent), 0) as bigint) as past_known
    from known
    where set_aside is null
    group by mission_code, form_version, dimension
),

compared as (
    select
        *,
        recent_known + past_known as known
    from stratum
    where recent_known > 0 and past_known > 0
),

mission_both as (
    select
        mission_code,
        dimension,
        sum(recent_known) as recent_known,
        sum(past_known) as past_known
    from stratum
    group by mission_code, dimension
),

mission_known as (
    select
        mission_code,
        dimension,
        sum(recent_known) as recent_known,
        sum(past_known) as past_known
    from compared
    group by mission_code, dimension
),

-- What does not enter the comparison, and why.
judged as (
    select
        known.mission_code,
        known.form_version,
        known.registered_month,
        known.is_recent,
        known.dimension,
        known.value,
        known.answers,
        coalesce(
            known.set_aside,
            case
                when compared.dimension is not null then 'compared'
                when mission_both.recent_known > 0 and mission_both.past_known > 0 then 'changed_form'
                else 'one_window'
            end
        ) as fate
    from known
    left join compared
        on
            known.mission_code = compared.mission_code
            and known.form_version = compared.form_version
            and known.dimension = compared.dimension
    left join mission_both
        on known.mission_code = mission_both.mission_code and known.dimension = mission_both.dimension
),

found as (
    select
        mission_code,
        dimension,
        value,
        {% for fate in fates -%}
            cast(coalesce(sum(answers) filter (fate = '{{ fate }}'), 0) as bigint) as {{ fate }}_cases,
            cast(coalesce(sum(answers) filter (fate = '{{ fate }}' and is_recent), 0) as bigint) as {{ fate }}_recent,
        {% endfor -%}
        cast(sum(answers) as bigint) as cases
    from judged
    group by mission_code, dimension, value
),

cell as (
    select
        judged.mission_code,
        judged.form_version,
        judged.dimension,
        judged.value,
        compared.recent_known,
        compared.past_known,
        compared.known,
        cast(coalesce(sum(judged.answers) filter (judged.is_recent), 0) as bigint) as recent,
        cast(coalesce(sum(judged.answers) filter (not judged.is_recent), 0) as bigint) as past,
        cast(sum(judged.answers) as bigint) as cases
    from judged
    inner join compared
        on
            judged.mission_code = compared.mission_code
            and judged.form_version = compared.form_version
            and judged.dimension = compared.dimension
    where judged.fate = 'compared'
    group by all
),

-- Mantel and Haenszel's terms of a mission; sums of fractions are ordered, so that they are the same bit by bit. Products of
-- four counts are more than a bigint holds where a mission has a hundred thousand cases.
mission_term as (
    select
        mission_code,
        dimension,
        value,
        sum(recent) as recent,
        sum(past) as past,
        sum(recent * past_known / known order by form_version) as upper_term,
        sum(past * recent_known / known order by form_version) as lower_term,
        sum(
            (cast(cases as hugeint) * recent_known * past_known - cast(recent as hugeint) * past * known)
            / (cast(known as hugeint) * known)
            order by form_version
        ) as log_variance_term,
        sum(recent - recent_known * cases / known order by form_version) as excess,
        sum(
            cast(recent_known as hugeint) * past_known * cases * (known - cases)
            / (cast(known as hugeint) * known * greatest(known - 1, 1))
            order by form_version
        ) as excess_variance
    from cell
    group by mission_code, dimension, value
),

mission_value_month as (
    select
        mission_code,
        dimension,
        value,
        registered_month,
        cast(sum(answers) as bigint) as cases
    from judged
    where fate = 'compared' and is_recent
    group by all
),

value_month as (
    select
        mission_code,
        dimension,
        value,
        registered_month,
        cases
    from mission_value_month
    union all
    select
        'all' as mission_code,
        dimension,
        value,
        registered_month,
        sum(cases) as cases
    from mission_value_month
    group by dimension, value, registered_month
),

month_spread as (
    select
        mission_code,
        dimension,
        value,
        count(*) as months,
        max(cases) as largest_month
    from value_month
    group by mission_code, dimension, value
),

pooled_known as (
    select
        dimension,
        sum(recent_known) as recent_known,
        sum(past_known) as past_known,
        count(*) as missions
    from mission_known
    group by dimension
),

pooled_term as (
    select
        dimension,
        value,
        count(*) filter (excess > 0) as missions_up,
        sum(recent) as recent,
        sum(past) as past,
        sum(upper_term order by mission_code) as upper_term,
        sum(lower_term order by mission_code) as lower_term,
        sum(log_variance_term order by mission_code) as log_variance_term,
        sum(excess order by mission_code) as excess,
        sum(excess_variance order by mission_code) as excess_variance
    from mission_term
    group by dimension, value
),

-- The pooled change, as weak as it gets by leaving out one mission.
without_one as (
    select
        mission_term.dimension,
        mission_term.value,
        min(
            (pooled_term.excess - mission_term.excess - 0.5)
            / sqrt(nullif(greatest(pooled_term.excess_variance - mission_term.excess_variance, 0), 0))
        ) as z_without_one
    from mission_term
    inner join pooled_term
        on mission_term.dimension = pooled_term.dimension and mission_term.value = pooled_term.value
    group by mission_term.dimension, mission_term.value
),

everywhere as (
    select
        {% for fate in fates -%}
            sum({{ fate }}_cases) as {{ fate }}_cases,
            sum({{ fate }}_recent) as {{ fate }}_recent,
        {% endfor -%}
        dimension,
        value
    from found
    group by dimension, value
),

scoped as (
    select
        'mission' as scope,
        found.mission_code,
        found.dimension,
        found.value,
        {% for fate in fates -%}
            found.{{ fate }}_cases,
            found.{{ fate }}_recent,
        {% endfor -%}
        coalesce(mission_known.recent_known, 0) as recent_known,
        coalesce(mission_known.past_known, 0) as past_known,
        coalesce(term.recent, 0) as recent,
        coalesce(term.past, 0) as past,
        term.upper_term,
        term.lower_term,
        term.log_variance_term,
        term.excess,
        term.excess_variance,
        if(mission_known.dimension is null, 0, 1) as missions,
        if(coalesce(term.excess > 0, false), 1, 0) as missions_up,
        cast(null as double) as z_without_one
    from found
    left join mission_known
        on found.mission_code = mission_known.mission_code and found.dimension = mission_known.dimension
    left join mission_term as term
        on
            found.mission_code = term.mission_code
            and found.dimension = term.dimension
            and found.value = term.value
    where found.cases >= {{ var('emerging_smallest_cases') }}
    union all
    select
        'all_missions' as scope,
        'all' as mission_code,
        everywhere.dimension,
        everywhere.value,
        {% for fate in fates -%}
            everywhere.{{ fate }}_cases,
            everywhere.{{ fate }}_recent,
        {% endfor -%}
        coalesce(pooled_known.recent_known, 0) as recent_known,
        coalesce(pooled_known.past_known, 0) as past_known,
        coalesce(term.recent, 0) as recent,
        coalesce(term.past, 0) as past,
        term.upper_term,
        term.lower_term,
        term.log_variance_term,
        term.excess,
        term.excess_variance,
        coalesce(pooled_known.missions, 0) as missions,
        coalesce(term.missions_up, 0) as missions_up,
        without_one.z_without_one
    from everywhere
    left join pooled_known on everywhere.dimension = pooled_known.dimension
    left join pooled_term as term
        on everywhere.dimension = term.dimension and everywhere.value = term.value
    left join without_one
        on everywhere.dimension = without_one.dimension and everywhere.value = without_one.value
),

thinned as (
    select
        *,
        {% for fate in fates -%}
            if(
                recent_known < {{ var('smallest_denominator') }} or past_known >= {{ var('smallest_denominator') }},
                {{ fate }}_recent,
                {{ fate }}_cases - {{ fate }}_recent
            ) as thin_{{ fate }},
        {% endfor -%}
        if(
            recent_known < {{ var('smallest_denominator') }} or past_known >= {{ var('smallest_denominator') }},
            recent,
            past
        ) as thin_compared
    from scoped
),

spread as (
    select
        thinned.*,
        coalesce(month_spread.months, 0) as months,
        coalesce(month_spread.largest_month, 0) as largest_month
    from thinned
    left join month_spread
        on
            thinned.mission_code = month_spread.mission_code
            and thinned.dimension = month_spread.dimension
            and thinned.value = month_spread.value
),

-- Whether a comparison is made depends on how many cases there are, and not on how they fell.
estimated as (
    select
        *,
        recent_known >= {{ var('smallest_denominator') }}
        and past_known >= {{ var('smallest_denominator') }}
        and recent + past >= {{ var('emerging_smallest_cases') }}
        and coalesce(excess_variance > 0, false) as is_tested,
        -- why the thinner window is thin: the fate of most of its cases with the value
        case greatest(
            {% for fate in fates -%}
                thin_{{ fate }},
            {% endfor -%}
            thin_compared
        )
            when thin_compared then 'too_few_cases'
            {% for fate in fates -%}
                when thin_{{ fate }} then '{{ fate }}'
            {% endfor -%}
        end as not_compared,
        -- a value that is new, or gone, has half a case in the empty window
        if(upper_term = 0, 0.5 * past_known / (recent_known + past_known), upper_term)
        / if(lower_term = 0, 0.5 * recent_known / (recent_known + past_known), lower_term) as ratio,
        sqrt(if(
            upper_term = 0 or lower_term = 0,
            1 / greatest(recent, 0.5) + 1 / greatest(past, 0.5),
            log_variance_term / (upper_term * lower_term)
        )) as log_error,
        sign(excess) * greatest(abs(excess) - 0.5, 0) / sqrt(excess_variance) as z
    from spread
),

tested as (
    select
        *,
        {{ two_sided_p('z') }} as p_value
    from estimated
    where is_tested
),

ranked as (
    select
        scope,
        mission_code,
        dimension,
        value,
        p_value,
        count(*) over (partition by scope) as comparisons,
        {{ benjamini_hochberg_step('p_value', 'scope') }} as step
    from tested
),

corrected as (
    select
        *,
        {{ benjamini_hochberg('p_value', 'step', 'scope') }} as q_value
    from ranked
),

reasoned as (
    select
        estimated.*,
        corrected.p_value,
        corrected.q_value,
        corrected.comparisons,
        case
            when not estimated.is_tested then estimated.not_compared
            when corrected.q_value > {{ var('emerging_false_share') }} then 'may_be_chance'
            when estimated.ratio < 1 then 'falls'
            when estimated.recent < {{ var('emerging_smallest_cases') }} then 'too_few_cases'
            when
                estimated.scope = 'all_missions'
                and (
                    estimated.missions_up < {{ var('emerging_smallest_missions') }}
                    or coalesce(estimated.z_without_one, 0) < 1.645
                )
                then 'one_mission'
            when
                estimated.months < {{ var('emerging_smallest_months') }}
                or estimated.largest_month * 2 > estimated.recent
                then 'few_months'
            when estimated.ratio < {{ var('emerging_smallest_ratio') }} then 'small_change'
        end as reason
    from estimated
    left join corrected
        on
            estimated.scope = corrected.scope
            and estimated.mission_code = corrected.mission_code
            and estimated.dimension = corrected.dimension
            and estimated.value = corrected.value
)

select
    reasoned.scope,
    reasoned.mission_code,
    reasoned.dimension,
    reasoned.value,
    if(reasoned.reason is null, 'raised', 'silent') as status,
    reasoned.reason,
    case
        when not reasoned.is_tested then null
        when reasoned.ratio > 1 then 'up'
        when reasoned.ratio < 1 then 'down'
        else 'same'
    end as direction,
    cast(reasoned.recent as bigint) as recent_numerator,
    cast(reasoned.recent_known as bigint) as recent_denominator,
    cast(reasoned.past as bigint) as past_numerator,
    cast(reasoned.past_known as bigint) as past_denominator,
    if(reasoned.is_tested, round(reasoned.recent / reasoned.recent_known, 4), null) as recent_share,
    if(reasoned.is_tested, round(reasoned.past / reasoned.past_known, 4), null) as past_share,
    if(reasoned.is_tested, round(reasoned.ratio, 4), null) as rate_ratio,
    if(reasoned.is_tested, round(exp(ln(reasoned.ratio) - {{ z95() }} * reasoned.log_error), 4), null) as ratio_low,
    if(reasoned.is_tested, round(exp(ln(reasoned.ratio) + {{ z95() }} * reasoned.log_error), 4), null) as ratio_high,
    round(reasoned.p_value, 10) as p_value,
    round(reasoned.q_value, 10) as q_value,
    reasoned.comparisons,
    cast(reasoned.missions as bigint) as missions,
    cast(reasoned.missions_up as bigint) as missions_up,
    reasoned.months,
    cast(reasoned.bulk_load_cases as bigint) as left_out_bulk_load,
    cast(reasoned.new_mission_cases as bigint) as left_out_new_mission,
    cast(reasoned.changed_form_cases + reasoned.one_window_cases as bigint) as left_out_other_form,
    span.recent_from,
    span.past_from
from reasoned
cross join span
order by reasoned.scope, reasoned.mission_code, reasoned.dimension, reasoned.value
