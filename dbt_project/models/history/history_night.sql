-- The nights that history holds. `landing_sha256` says of which landed exports and verdicts a night was derived: when
-- they are others, the night is derived again, and those after it. `cases_purged` left every night for want of consent.
with purged as (
    select count(distinct earlier.case_key) as cases
    from {{ source('earlier', 'fct_case') }} as earlier
    semi join {{ ref('stg_withheld') }} as withheld on earlier.case_key = withheld.case_key
    where earlier.valid_from < {{ night() }}
),

accepted as (
    select count(*) as cases
    from {{ ref('fct_case') }}
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
    cast(accepted.cases as bigint) as cases,
    cast(purged.cases as bigint) as cases_purged,
    landed.landing_sha256
from {{ ref('stg_derived_night') }} as landed
cross join accepted
cross join purged
order by night
