select distinct
    case_key,
    cast(leg_number as integer) as leg_number,
    from_country,
    to_country,
    cast(year as integer) as year
from {{ ref('int_route_leg') }}
order by case_key, leg_number, from_country, to_country, year
