select
    country_code,
    country_code2,
    country_name,
    m49_region,
    m49_subregion,
    m49_intermediate_region,
    is_south_eastern_europe
from {{ ref('country') }}
order by country_code
