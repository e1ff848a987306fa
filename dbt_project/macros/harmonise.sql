-- How a landed local code becomes a canonical one. The models that call these name the landed table
-- `landed`, the row of int_form `form`, and join the code maps with `code_maps`.

-- One left join to the code map per field.
{% macro code_maps(table_name, fields) -%}
{% for field in fields -%}
left join {{ ref('stg_code_map') }} as map_{{ field }}
    on
        landed.mission_code = map_{{ field }}.mission_code
        and landed.{{ field }} = map_{{ field }}.local_code
        and map_{{ field }}.table_name = '{{ table_name }}'
        and map_{{ field }}.field = '{{ field }}'
{% endfor %}
{%- endmacro %}

-- A coded field: its canonical code; blank is `missing` where the form asks, else `not_asked`.
-- `unmapped` is in no vocabulary: a row that has it should have been quarantined, and a test fails.
{% macro coded(table_name, field, missing='unknown') -%}
case
    when landed.{{ field }} is null and form.{{ table_name }}__{{ field }} then '{{ missing }}'
    when landed.{{ field }} is null then 'not_asked'
    {%- if missing != 'unknown' %}
    when map_{{ field }}.code = 'unknown' then '{{ missing }}'
    {%- endif %}
    else coalesce(map_{{ field }}.code, 'unmapped')
end
{%- endmacro %}

-- A country: ISO 3166 alpha-3, NULL where it is unknown or was not asked.
{% macro country(field) -%}
case when landed.{{ field }} is not null then nullif(coalesce(map_{{ field }}.code, 'unmapped'), 'unknown') end
{%- endmacro %}

-- The landed rows of a child table that may be published, with their case's form.
-- `relation` stands in for the staging model where a model has prepared its rows.
{% macro accepted_rows(table_name, relation=none) -%}
{{ relation or ref('stg_' ~ table_name) }} as landed
inner join {{ ref('int_source_row') }} as verdict
    on
        landed.mission_code = verdict.mission_code
        and landed.source = verdict.source
        and landed.source_row = verdict.source_row
        and verdict.outcome = 'accepted'
inner join {{ ref('int_case') }} as parent
    on landed.mission_code = parent.mission_code and landed.case_key = parent.case_key
left join {{ ref('int_form') }} as form
    on parent.mission_code = form.mission_code and parent.form_version = form.form_version
{%- endmacro %}

-- The coded fields of which a form either asks or does not: (table, field). int_form has a column for each.
{% macro asked_fields() -%}
{{ return([
    ('case', 'age_band'), ('case', 'gender'), ('case', 'marital_status'), ('case', 'education'),
    ('case', 'country_of_exploitation'), ('case', 'country_of_exploitation_basis'),
    ('case', 'is_sexual_exploitation'), ('case', 'is_forced_labour'), ('case', 'is_other_exploitation'),
    ('case', 'trafficking_status'), ('case', 'duration_band'), ('case', 'referral_source'),
    ('case', 'case_status'), ('case', 'is_retrafficked'),
    ('citizenship', 'citizenship'),
    ('exploitation', 'exploitation_type'), ('exploitation', 'labour_sector'), ('exploitation', 'country'),
    ('control', 'means_of_control'),
    ('recruitment', 'recruitment_method'), ('recruitment', 'recruiter_relationship'),
    ('route_leg', 'from_country'), ('route_leg', 'to_country'),
    ('perpetrator', 'role'), ('perpetrator', 'gender'), ('perpetrator', 'age_band'), ('perpetrator', 'citizenship'),
    ('vulnerability', 'factor'), ('vulnerability', 'level'),
    ('assistance', 'service_type'), ('assistance', 'status'), ('assistance', 'provider_type'),
]) }}
{%- endmacro %}
