-- Channels of recruitment of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('recruitment', 'recruitment_method') }} as recruitment_method,
    {{ coded('recruitment', 'recruiter_relationship') }} as recruiter_relationship,
    {{ country('country') }} as country
from {{ accepted_rows('recruitment') }}
{{ code_maps('recruitment', ['recruitment_method', 'recruiter_relationship', 'country']) }}
