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
anti join {{ ref('int_quarantined_row') }} as quarantined
    on
        landed.mission_code = quarantined.mission_code
        and landed.source = quarantined.source
        and landed.source_row = quarantined.source_row
inner join {{ ref('int_case') }} as parent
    on landed.mission_code = parent.mission_code and landed.case_key = parent.case_key
left join {{ ref('int_form') }} as form
    on parent.mission_code = form.mission_code and parent.form_version = form.form_version
{%- endmacro %}

-- The coded fields of which a form either asks or does not: (table, field). int_form has a column for each.
{% macro asked_fields() -%}
{{ return([
    ('case', 'age_band'), ('case', 'gender'), ('case', 'marital_status'), ('case', 'children_band'),
    ('case', 'primary_language'), ('case', 'secondary_language'), ('case', 'country_of_residence'),
    ('case', 'is_deceased'), ('case', 'education'),
    ('case', 'country_of_exploitation'), ('case', 'country_of_exploitation_basis'),
    ('case', 'is_sexual_exploitation'), ('case', 'is_forced_labour'), ('case', 'is_other_exploitation'),
    ('case', 'trafficking_status'), ('case', 'age_band_when_trafficked'), ('case', 'duration_band'),
    ('case', 'referral_source'), ('case', 'case_status'), ('case', 'is_retrafficked'),
    ('citizenship', 'citizenship'),
    ('exploitation', 'exploitation_type'), ('exploitation', 'labour_sector'), ('exploitation', 'country'),
    ('sexual_exploitation', 'sexual_exploitation_form'),
    ('online_platform', 'purpose'), ('online_platform', 'platform'),
    ('control', 'means_of_control'),
    ('recruitment', 'recruitment_method'), ('recruitment', 'recruiter_relationship'), ('recruitment', 'country'),
    ('route_leg', 'from_country'), ('route_leg', 'to_country'),
    ('event', 'event_type'), ('event', 'country'),
    ('perpetrator', 'role'), ('perpetrator', 'gender'), ('perpetrator', 'age_band'), ('perpetrator', 'citizenship'),
    ('vulnerability', 'factor'), ('vulnerability', 'level'),
    ('screening', 'decision'), ('screening', 'decided_by'),
    ('referral', 'direction'), ('referral', 'reason'), ('referral', 'organisation_type'), ('referral', 'organisation_country'),
    ('assistance', 'service_type'), ('assistance', 'status'), ('assistance', 'provider_type'),
]) }}
{%- endmacro %}

-- The landed rows of a table whose rows have a place in their case, each with its place: as given; where it is not, after
-- the highest that is given, in the order of the file, quarantined rows included. Rows that stood on a record which was
-- merged into the case (a row of its own on a flat sheet) go on after the places of the case's own row.
-- Rows of one place in the file (`same_place`: a perpetrator's several roles on one row) share a number.
{% macro numbered(table_name, number, fields, same_place=false) -%}
placed as (
    select
        landed.mission_code,
        landed.source,
        landed.source_row,
        landed.case_key,
        {% for field in fields -%}
            landed.{{ field }},
        {% endfor -%}
        landed.{{ number }},
        if(landed.source = 'case', landed.source_row, 0) as record,
        coalesce(record_row.merged_into_key is not null, false) as is_merged
    from {{ ref('stg_' ~ table_name) }} as landed
    left join {{ ref('stg_case') }} as record_row
        on
            landed.mission_code = record_row.mission_code
            and landed.source = record_row.source
            and landed.source_row = record_row.source_row
),

counted as (
    select
        *,
        coalesce({{ number }}, coalesce(max({{ number }}) over own_record, 0) + {{ 'dense_rank' if same_place else 'row_number' }}() over (
            partition by mission_code, case_key, is_merged, record, {{ number }} is null
            order by source, source_row{{ '' if same_place else ', ' ~ fields | join(', ') }}
        )) as place
    from placed
    window own_record as (partition by mission_code, case_key, is_merged, record)
),

record_size as (
    select
        mission_code,
        case_key,
        is_merged,
        record,
        max(place) as places
    from counted
    group by all
),

record_start as (
    select
        mission_code,
        case_key,
        is_merged,
        record,
        coalesce(sum(places) over (
            partition by mission_code, case_key
            order by is_merged, record
            rows between unbounded preceding and 1 preceding
        ), 0) as places_before
    from record_size
),

numbered as (
    select
        counted.mission_code,
        counted.source,
        counted.source_row,
        counted.case_key,
        {% for field in fields -%}
            counted.{{ field }},
        {% endfor -%}
        cast(counted.place + record_start.places_before as bigint) as {{ number }}
    from counted
    inner join record_start
        on
            counted.mission_code = record_start.mission_code
            and counted.case_key = record_start.case_key
            and counted.is_merged = record_start.is_merged
            and counted.record = record_start.record
)
{%- endmacro %}
