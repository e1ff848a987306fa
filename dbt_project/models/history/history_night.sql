-- The nights that history holds. `landing_sha256` says of which landed exports and verdicts a night was derived: when
-- they are others, the night is derived again, and those after it. `cases_purged` left every night for want of consent.
with tonight as (
    select
        (select count(*) from {{ ref('fct_case') }}) as cases,
        (
            select count(distinct earlier.case_key)
            from {{ source('earlier', 'fct_case') }} as earlier
            where
                earlier.valid_from < {{ night() }}
                and earlier.case_key in (select case_key from {{ ref('stg_withheld') }})
        ) as cases_purged
)

select
    night,
    cases,
    cases_purged,
    landing_sha256
from {{ source('earlier', 'night') }}
where night < {{ night() }}
union all
select
    {{ night() }} as night,
    cast(tonight.cases as bigint) as cases,
    cast(tonight.cases_purged as bigint) as cases_purged,
    landed.landing_sha256
from {{ ref('stg_derived_night') }} as landed
cross join tonight
order by night
