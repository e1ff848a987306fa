{%- set relations = "['exact', 'narrower', 'close', 'broader']" -%}
{#- list fields whose items are asked one by one or chosen from a list, and the list of their items -#}
{%- set item_lists = {
    'control.means_of_control': 'means_of_control', 'vulnerability.factor': 'vulnerability_factor',
    'exploitation.exploitation_type': 'exploitation_type', 'sexual_exploitation.sexual_exploitation_form': 'sexual_exploitation_form',
    'recruitment.recruitment_method': 'recruitment_method', 'online_platform.platform': 'online_platform',
    'perpetrator.role': 'perpetrator_role', 'assistance.service_type': 'service_type',
} -%}
with told as (
    select
        mission_code,
        form_version,
        table_name || '.' || field as field,
        coalesce(item, '') as item,
        bool_or(is_asked) as is_asked,
        max(list_position({{ relations }}, coalesce(relation, 'exact'))) filter (is_asked) as looseness,
        string_agg(distinct note, '; ' order by note) filter (is_asked) as note
    from {{ ref('stg_asked') }}
    where table_name != 'local_attribute'
    group by all
),

standard as (
    select distinct
        field,
        '' as item
    from told
    {% for field, code_list in item_lists.items() -%}
        union distinct
        select
            '{{ field }}' as field,
            code as item
        from {{ ref('dim_code') }}
        where code_list = '{{ code_list }}' and code not in ('unknown', 'not_asked')
    {% endfor %}
),

version as (
    select
        form.mission_code,
        form.form_version,
        form_version.valid_from,
        row_number() over (
            partition by form.mission_code order by form_version.valid_from nulls first, form.form_version
        ) as place
    from {{ ref('int_form') }} as form
    left join {{ ref('stg_form_version') }} as form_version
        on form.mission_code = form_version.mission_code and form.form_version = form_version.form_version
),

related as (
    select
        version.mission_code,
        version.place,
        version.valid_from,
        standard.field,
        standard.item,
        if(coalesce(told.is_asked, false), ({{ relations }})[told.looseness], 'none') as relation,
        told.note
    from version
    cross join standard
    left join told
        on
            version.mission_code = told.mission_code
            and version.form_version = told.form_version
            and standard.field = told.field
            and standard.item = told.item
),

compared as (
    select
        *,
        lag(relation) over history as relation_before,
        lag(note) over history as note_before
    from related
    window history as (partition by mission_code, field, item order by place)
)

select
    field,
    item,
    mission_code,
    relation,
    cast(if(place = 1, null, valid_from) as date) as since,
    note
from compared
where place = 1 or relation != relation_before or note is distinct from note_before
order by field, item, mission_code, since nulls first
