-- Law 2: what the newest `load` of a mission says of its export in force, tonight's or an older one's, is what its source rows say.
{{ config(tags=['quality']) }}

with verdict as (
    select
        mission_code,
        count(*) filter (outcome = 'accepted') as rows_accepted,
        count(*) filter (outcome = 'quarantined') as rows_quarantined
    from {{ ref('int_source_row') }}
    group by mission_code
),

newest as (
    select *
    from {{ ref('load') }}
    qualify row_number() over (partition by mission_code order by night desc) = 1
)

select
    loaded.mission_code,
    loaded.rows_accepted,
    loaded.rows_quarantined,
    verdict.rows_accepted as verdicts_accepted,
    verdict.rows_quarantined as verdicts_quarantined
from newest as loaded
left join verdict on loaded.mission_code = verdict.mission_code
where
    loaded.rows_accepted != coalesce(verdict.rows_accepted, 0)
    or loaded.rows_quarantined != coalesce(verdict.rows_quarantined, 0)
