-- What perpetrators do together: one answer a case of each pattern, made of its rows in the facts.
with {{ tally_person() }},

{{ tally_groups(['age_group', 'exploitation']) }},

form as (
    select
        person.case_key,
        person.cell,
        coalesce(form.recruitment__recruitment_method and form.recruitment__recruiter_relationship, false) as asks_recruitment,
        coalesce(form.perpetrator__role or form.perpetrator__gender, false) as asks_perpetrators,
        coalesce(form.perpetrator__gender, false) as asks_gender
    from placed as person
    left join {{ ref('int_form') }} as form
        on person.mission_code = form.mission_code and person.form_version = form.form_version
),

perpetrator as (
    select
        case_key,
        count(distinct perpetrator_number) as perpetrators,
        bool_or(gender = 'masculine') as has_man,
        bool_or(gender = 'feminine') as has_woman,
        bool_or(gender = 'non_specified_unknown') as has_unknown
    from {{ ref('fct_perpetrator') }}
    group by case_key
),

{{ tally_items('control') }},

chosen as (
    select
        cell,
        count(*) filter (value = 'yes' and state = 'known') as means,
        bool_or(state = 'known') as is_known,
        coalesce(max(state) filter (state <> 'unknown'), 'unknown') as state
    from control_answer
    group by case_key, cell
),

channel as (
    select distinct
        case_key,
        recruitment_method || ' by ' || recruiter_relationship as value
    from {{ ref('fct_recruitment') }}
    where recruitment_method not in ('unknown', 'not_asked') and recruiter_relationship not in ('unknown', 'not_asked')
),

pattern_answer as (
    select
        form.cell,
        'recruitment' as dimension,
        '' as item,
        channel.value,
        if(channel.value is null, 'unknown', 'known') as state,
        row_number() over (partition by form.case_key order by channel.value) = 1 as is_first
    from form
    left join channel on form.case_key = channel.case_key
    where form.asks_recruitment or channel.value is not null
    union all
    select
        form.cell,
        'perpetrators' as dimension,
        '' as item,
        case when perpetrator.perpetrators >= 3 then '3+' else perpetrator.perpetrators::varchar end as value,
        if(perpetrator.perpetrators is null, 'unknown', 'known') as state,
        true as is_first
    from form
    left join perpetrator on form.case_key = perpetrator.case_key
    where form.asks_perpetrators or perpetrator.perpetrators is not null
    union all
    -- several whose gender is not all known may be men and women: only women and men both is then certain
    select
        form.cell,
        'perpetrators_gender' as dimension,
        '' as item,
        case
            when perpetrator.has_man and perpetrator.has_woman then 'men_and_women'
            when perpetrator.has_unknown then null
            when perpetrator.has_man then 'men_only'
            when perpetrator.has_woman then 'women_only'
        end as value,
        if(value is null, 'unknown', 'known') as state,
        true as is_first
    from form
    left join perpetrator on form.case_key = perpetrator.case_key
    where form.asks_gender
    union all
    select
        cell,
        'number_of_means' as dimension,
        '' as item,
        case
            when not is_known then null
            when means >= 5 then '5+'
            when means >= 3 then '3-4'
            else means::varchar
        end as value,
        if(is_known, 'known', state) as state,
        true as is_first
    from chosen
),

{{ tally_answers(more=['pattern_answer']) }},

{{ tally_counted(['age_group', 'exploitation']) }}
