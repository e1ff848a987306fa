{%- set sizes = ['cases', 'recorded', 'unknown', 'not_asked', 'left_out'] -%}
{%- set counts = ['in_need', 'needed', 'needed_and_provided', 'offered', 'provided', 'declined', 'left_out_provided'] -%}
-- A form that writes nothing but services received knows of no need that was not met: its cases are left out of rates. The row
-- without a service counts the cases of the group (`cases` to `left_out`), the others those to whom the service meant something.
with {{ tally_person() }},

{{ tally_groups(['gender', 'age_group', 'exploitation']) }},

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

counted as (
    select
        *,
        '' as service_type
    from cell_reading
    union all by name
    select *
    from cell_service
)

select
    {% for name in sizes + counts -%}
        coalesce(sum(counted.{{ name }}), 0)::bigint as {{ name }},
    {% endfor -%}
    cell_group.mission_code,
    cell_group.gender,
    cell_group.age_group,
    cell_group.exploitation,
    counted.service_type
from cell_group
inner join counted on cell_group.cell = counted.cell
group by all
