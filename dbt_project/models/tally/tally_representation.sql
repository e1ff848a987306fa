-- The tilts that are known of these data, as questions with a known answer, and `everybody`: all cases of the month.
with answered as (
    unpivot (
        select
            facts.mission_code,
            facts.registered_month,
            'yes' as everybody,
            case
                when facts.gender = 'feminine' then 'yes'
                when facts.gender in ('non_specified_unknown', 'unknown', 'not_asked') then 'unknown'
                else 'no'
            end as women,
            facts.is_sexual_exploitation as sexual_exploitation,
            facts.is_forced_labour as forced_labour,
            facts.is_cross_border as cross_border,
            case country.is_south_eastern_europe
                when true then 'yes'
                when false then 'no'
                else 'unknown'
            end as south_eastern_europe,
            facts.is_minor as minors
        from {{ ref('fct_case') }} as facts
        left join {{ ref('dim_country') }} as country on facts.citizenship = country.country_code
        where facts.registered_month is not null
    )
    on columns(* exclude (mission_code, registered_month))
    into name measure value answer
)

select
    mission_code,
    registered_month,
    measure,
    count(*) as known,
    count(*) filter (answer = 'yes') as numerator
from answered
where answer in ('yes', 'no')
group by mission_code, registered_month, measure
