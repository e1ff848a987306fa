select distinct
    perpetrator.case_key,
    cast(perpetrator.perpetrator_number as integer) as perpetrator_number,
    perpetrator.role,
    perpetrator.gender,
    perpetrator.age_band,
    -- a code that is no country goes on, for the vocabulary test to find
    coalesce(country.m49_region, perpetrator.citizenship) as citizenship_region
from {{ ref('int_perpetrator') }} as perpetrator
left join {{ ref('dim_country') }} as country on perpetrator.citizenship = country.country_code
order by all
