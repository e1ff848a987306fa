{%- set grain = ['gender', 'age_group', 'exploitation'] -%}
{%- set counts = ['in_need', 'needed', 'needed_and_provided', 'offered', 'provided', 'declined', 'left_out_provided'] -%}
-- A form that writes nothing but services received knows of no need that was not met: its cases are left out of rates.
with {{ analysis_person() }},

{{ analysis_groups(grain) }},

form_kind as (
    select
        person.mission_code,
        person.form_version,
        bool_or(given.status in ('needed', 'offered', 'declined')) as tells_needs
    from {{ ref('fct_assistance') }} as given
    inner join person on given.case_key = person.case_key
    group by person.mission_code, person.form_version
),

recorded as (
    select distinct case_key
    from {{ ref('fct_assistance') }}
    where status not in ('unknown', 'not_asked')
),

-- what is known of a case as a whole
reading as (
    select
        person.case_key,
        case
            when recorded.case_key is not null and form_kind.tells_needs then 'recorded'
            when recorded.case_key is not null then 'left_out'
            when form.assistance__service_type then 'unknown'
            else 'not_asked'
        end as state
    from person
    left join recorded on person.case_key = recorded.case_key
    left join form_kind on person.mission_code = form_kind.mission_code and person.form_version = form_kind.form_version
    left join {{ ref('int_form') }} as form
        on person.mission_code = form.mission_code and person.form_version = form.form_version
),

service as (
    select
        given.case_key,
        unnest(['any'] || if(given.service_type not in ('unknown', 'not_asked'), [given.service_type], [])) as service_type,
        given.status
    from {{ ref('fct_assistance') }} as given
    where given.status not in ('unknown', 'not_asked')
),

service_case as (
    select
        case_key,
        service_type,
        bool_or(status = 'needed') as needed,
        bool_or(status = 'offered') as offered,
        bool_or(status = 'provided') as provided,
        bool_or(status = 'declined') as declined
    from service
    group by case_key, service_type
),

cell_reading as (
    select
        placed.cell,
        count(*) as cases,
        count(*) filter (reading.state = 'recorded') as recorded,
        count(*) filter (reading.state = 'unknown') as unknown,
        count(*) filter (reading.state = 'not_asked') as not_asked,
        count(*) filter (reading.state = 'left_out') as left_out
    from placed
    inner join reading on placed.case_key = reading.case_key
    group by placed.cell
),

group_size as (
    select
        cell_group.gender,
        cell_group.age_group,
        cell_group.exploitation,
        {% for name in ['recorded', 'unknown', 'not_asked', 'left_out'] -%}
            sum(cell_reading.{{ name }})::bigint as {{ name }},
        {% endfor -%}
        sum(cell_reading.cases)::bigint as cases
    from cell_group
    inner join cell_reading on cell_group.cell = cell_reading.cell
    group by cell_group.gender, cell_group.age_group, cell_group.exploitation
),

cell_service as (
    select
        placed.cell,
        service_case.service_type,
        count(*) filter (reading.state = 'recorded') as in_need,
        count(*) filter (reading.state = 'recorded' and service_case.needed) as needed,
        count(*) filter (reading.state = 'recorded' and service_case.needed and service_case.provided) as needed_and_provided,
        count(*) filter (reading.state = 'recorded' and service_case.offered) as offered,
        count(*) filter (reading.state = 'recorded' and service_case.provided) as provided,
        count(*) filter (reading.state = 'recorded' and service_case.declined and not service_case.provided) as declined,
        count(*) filter (reading.state = 'left_out') as left_out_provided
    from placed
    inner join reading on placed.case_key = reading.case_key
    inner join service_case on placed.case_key = service_case.case_key
    group by placed.cell, service_case.service_type
),

by_mission as (
    select
        cell_group.gender,
        cell_group.age_group,
        cell_group.exploitation,
        cell_service.service_type,
        {% for name in counts -%}
            sum(cell_service.{{ name }})::bigint as {{ name }},
        {% endfor -%}
        cell_group.mission_code
    from cell_group
    inner join cell_service on cell_group.cell = cell_service.cell
    group by all
),

by_service as (
    select
        gender,
        age_group,
        exploitation,
        service_type,
        {% for name in counts -%}
            sum({{ name }}) as {{ name }},
        {% endfor -%}
        count(*) filter (in_need > 0) as missions,
        max(in_need) as largest
    from by_mission
    group by gender, age_group, exploitation, service_type
),

listed as (
    select code as service_type
    from {{ ref('dim_code') }}
    where code_list = 'service_type' and code not in ('unknown', 'not_asked')
    union all
    select 'any' as service_type
),

tallied as (
    select
        group_size.*,
        listed.service_type,
        {% for name in ['needed', 'needed_and_provided', 'offered', 'provided', 'declined', 'left_out_provided', 'missions'] -%}
            coalesce(by_service.{{ name }}, 0)::bigint as {{ name }},
        {% endfor -%}
        coalesce(by_service.in_need, 0)::bigint as denominator,
        group_size.recorded - coalesce(by_service.in_need, 0)::bigint as not_applicable,
        by_service.largest
    from group_size
    cross join listed
    left join by_service
        on
            group_size.gender = by_service.gender
            and group_size.age_group = by_service.age_group
            and group_size.exploitation = by_service.exploitation
            and listed.service_type = by_service.service_type
)

select
    gender,
    age_group,
    exploitation,
    service_type,
    recorded,
    needed,
    needed_and_provided,
    offered,
    provided,
    declined,
    denominator - provided as not_provided,
    if(recorded >= {{ var('smallest_denominator') }}, round(denominator / recorded, 4), null) as need_rate,
    cases,
    provided as numerator,
    denominator,
    {{ analysis_rate() }},
    unknown,
    not_asked,
    left_out,
    not_applicable,
    left_out_provided,
    missions,
    if(denominator > 0, round(largest / denominator, 4), null) as largest_mission_share
from tallied
order by gender, age_group, exploitation, service_type
