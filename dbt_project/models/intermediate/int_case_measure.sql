-- The tilts that are known of these data, as questions with a known answer: who is and is not one has no row.
with answered as (
    unpivot (
        select
            facts.case_key,
            facts.mission_code,
            facts.registered_month,
            facts.registration_year,
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
    )
    on women, sexual_exploitation, forced_labour, cross_border, south_eastern_europe, minors
    into name measure value answer
)

select
    case_key,
    mission_code,
    registered_month,
    registration_year,
    measure,
    answer = 'yes' as is_one
from answered
where answer in ('yes', 'no')
