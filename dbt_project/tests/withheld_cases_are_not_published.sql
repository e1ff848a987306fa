-- Law 6: a case that lacks a valid consent in the export in force is in no published table, nor is any fact of it.
select
    withheld.mission_code,
    count(*) as cases
from {{ ref('stg_withheld') }} as withheld
inner join {{ ref('fct_case') }} as facts on withheld.case_key = facts.case_key
group by withheld.mission_code
