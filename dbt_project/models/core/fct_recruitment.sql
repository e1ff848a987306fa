select distinct
    case_key,
    recruitment_method,
    recruiter_relationship,
    country
from {{ ref('int_recruitment') }}
order by case_key, recruitment_method, recruiter_relationship, country
