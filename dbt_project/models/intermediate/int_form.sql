-- Which coded fields a form has: one column `<table>__<field>` each, for the macro `coded`.
with form as (
    select
        mission_code,
        form_version
    from {{ ref('stg_form_version') }}
    union distinct
    select
        mission_code,
        form_version
    from {{ ref('stg_asked') }}
)

select
    form.mission_code,
    form.form_version,
    {% for table_name, field in asked_fields() -%}
        coalesce(
            bool_or(asked.is_asked) filter (asked.table_name = '{{ table_name }}' and asked.field = '{{ field }}'), false
        ) as {{ table_name }}__{{ field }},
    {% endfor -%}
    min(asked.not_chosen) filter (
        asked.table_name = 'exploitation' and asked.field = 'exploitation_type' and asked.is_asked
    ) as exploitation_not_chosen
from form
left join {{ ref('stg_asked') }} as asked
    on form.mission_code = asked.mission_code and form.form_version = asked.form_version
group by form.mission_code, form.form_version
