{%- set codes = [
    'age_band', 'marital_status', 'children_band', 'primary_language', 'secondary_language', 'is_deceased', 'education',
    'is_sexual_exploitation', 'is_forced_labour', 'is_other_exploitation', 'trafficking_status',
    'age_band_when_trafficked', 'duration_band', 'referral_source', 'case_status', 'is_retrafficked',
] -%}
-- Accepted cases in canonical codes. A record that was merged into another case is no case of its own.
select
    landed.mission_code,
    landed.case_key,
    landed.key_id,
    landed.form_version,
    landed.registered_month,
    {% for field in codes -%}
        {{ coded('case', field) }} as {{ field }},
    {% endfor -%}
    {{ coded('case', 'gender', missing='non_specified_unknown') }} as gender,
    {{ country('country_of_residence') }} as country_of_residence,
    {{ country('country_of_exploitation') }} as country_of_exploitation,
    -- the basis is landed on every row, also where the contract states it of the form as a whole
    case
        when landed.country_of_exploitation_basis is not null
            then coalesce(map_country_of_exploitation_basis.code, 'unmapped')
        when form.case__country_of_exploitation or form.case__country_of_exploitation_basis then 'unknown'
        else 'not_asked'
    end as country_of_exploitation_basis
from {{ ref('stg_case') }} as landed
anti join {{ ref('int_quarantined_row') }} as quarantined
    on
        landed.mission_code = quarantined.mission_code
        and landed.source = quarantined.source
        and landed.source_row = quarantined.source_row
left join {{ ref('int_form') }} as form
    on landed.mission_code = form.mission_code and landed.form_version = form.form_version
{{ code_maps('case', ['gender', 'country_of_residence', 'country_of_exploitation', 'country_of_exploitation_basis'] + codes) }}
where landed.merged_into_key is null
