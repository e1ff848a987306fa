-- Few cases have several citizenships; only theirs are put in order and listed, which takes memory that DuckDB cannot spill.
with citizenship as (
    select
        case_key,
        min(citizenship) as lowest,
        max(citizenship) as highest
    from {{ ref('int_citizenship') }}
    where citizenship is not null
    group by case_key
),

citizenships as (
    select
        listed.case_key,
        arg_min(
            listed.citizenship, (coalesce(listed.citizenship_number, 1), listed.source, listed.source_row, listed.citizenship)
        ) as first_citizenship,
        list(distinct listed.citizenship) as listed
    from {{ ref('int_citizenship') }} as listed
    inner join citizenship on listed.case_key = citizenship.case_key
    where listed.citizenship is not null and citizenship.lowest != citizenship.highest
    group by listed.case_key
),

exploitation as (
    select
        case_key,
        bool_or(exploitation_type = 'sexual_exploitation') as has_sexual_exploitation,
        bool_or(exploitation_type in ('forced_labour', 'child_labour', 'forced_begging', 'servitude')) as has_forced_labour,
        bool_or(exploitation_type in (
            'forced_marriage', 'forced_military_by_non_state_actors', 'organ_removal', 'forced_adoption', 'surrogacy', 'other'
        )) as has_other_exploitation
    from {{ ref('int_exploitation') }}
    group by case_key
)

select
    harmonised.case_key,
    harmonised.mission_code,
    harmonised.registered_month,
    cast(year(harmonised.registered_month) as integer) as registration_year,
    harmonised.gender,
    harmonised.age_band,
    case
        when harmonised.age_band in ('0-8', '9-17') then 'yes'
        when harmonised.age_band in ('unknown', 'not_asked') then harmonised.age_band
        else 'no'
    end as is_minor,
    harmonised.marital_status,
    harmonised.children_band,
    harmonised.primary_language,
    harmonised.secondary_language,
    harmonised.education,
    coalesce(citizenships.first_citizenship, citizenship.lowest) as citizenship,
    harmonised.country_of_residence,
    harmonised.country_of_exploitation,
    harmonised.country_of_exploitation_basis,
    case
        when
            harmonised.country_of_exploitation_basis != 'last_exploitation'
            or harmonised.country_of_exploitation is null
            or citizenship.case_key is null
            then 'unknown'
        when harmonised.country_of_exploitation in (citizenship.lowest, citizenship.highest) then 'no'
        when list_contains(citizenships.listed, harmonised.country_of_exploitation) then 'no'
        else 'yes'
    end as is_cross_border,
    {% for kind in ['sexual_exploitation', 'forced_labour', 'other_exploitation'] -%}
        case
            when form.case__is_{{ kind }} then harmonised.is_{{ kind }}
            when not coalesce(form.exploitation__exploitation_type, false) then 'not_asked'
            when exploitation.has_{{ kind }} then 'yes'
            when exploitation.case_key is not null then coalesce(form.exploitation_not_chosen, 'unknown')
            else 'unknown'
        end as is_{{ kind }},
    {% endfor -%}
    harmonised.trafficking_status,
    harmonised.age_band_when_trafficked,
    harmonised.duration_band,
    harmonised.referral_source,
    harmonised.case_status,
    harmonised.is_retrafficked,
    harmonised.is_deceased,
    harmonised.form_version,
    harmonised.key_id,
    loaded.loaded_night
from {{ ref('int_case') }} as harmonised
left join citizenship on harmonised.case_key = citizenship.case_key
left join citizenships on harmonised.case_key = citizenships.case_key
left join exploitation on harmonised.case_key = exploitation.case_key
left join {{ ref('int_form') }} as form
    on harmonised.mission_code = form.mission_code and harmonised.form_version = form.form_version
left join {{ ref('stg_in_force') }} as loaded on harmonised.mission_code = loaded.mission_code
order by harmonised.mission_code, harmonised.case_key
