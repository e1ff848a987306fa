select distinct
    case_key,
    cast(event_number as integer) as event_number,
    event_type,
    country,
    cast(year as integer) as year
from {{ ref('int_event') }}
order by case_key, event_number, event_type, country, year
