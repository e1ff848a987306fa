{%- set counts = ['in_need', 'needed', 'needed_and_provided', 'offered', 'provided', 'declined', 'left_out_provided'] -%}
with group_size as (
    select
        gender,
        age_group,
        exploitation,
        {% for name in ['recorded', 'unknown', 'not_asked', 'left_out'] -%}
            sum({{ name }})::bigint as {{ name }},
        {% endfor -%}
        sum(cases)::bigint as cases
    from {{ ref('tally_needs_and_assistance') }}
    where service_type = ''
    group by gender, age_group, exploitation
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
    from {{ ref('tally_needs_and_assistance') }}
    where service_type <> ''
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
