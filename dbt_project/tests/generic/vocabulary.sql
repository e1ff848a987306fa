-- Every value is in its list of dim_code; the list `country` is dim_country and `region` its M49 regions. NULL is not a value.
{% test vocabulary(model, columns) %}
with listed as (
    select
        code_list,
        code
    from {{ ref('dim_code') }}
    union all
    select
        'country' as code_list,
        country_code as code
    from {{ ref('dim_country') }}
    union
    select
        'region' as code_list,
        m49_region as code
    from {{ ref('dim_country') }}
),

found as (
    {% for column, code_list in columns.items() -%}
    select distinct
        '{{ column }}' as column_name,
        '{{ code_list }}' as code_list,
        {{ column }} as code
    from {{ model }}
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    found.column_name,
    found.code
from found
left join listed on found.code_list = listed.code_list and found.code = listed.code
where listed.code is null
{% endtest %}
