-- Laws 2 and 6: the published cases are the case rows that were accepted and not merged into another, no more and no fewer;
-- what was withheld never landed.
with accepted as (
    select distinct landed.case_key
    from {{ ref('stg_case') }} as landed
    inner join {{ ref('int_source_row') }} as verdict
        on
            landed.mission_code = verdict.mission_code
            and landed.source = verdict.source
            and landed.source_row = verdict.source_row
    where verdict.outcome = 'accepted' and landed.merged_into_key is null
)

select
    accepted.case_key as accepted_key,
    facts.case_key as published_key
from accepted
full outer join {{ ref('fct_case') }} as facts on accepted.case_key = facts.case_key
where accepted.case_key is null or facts.case_key is null
