-- Websites and apps of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('online_platform', 'purpose') }} as purpose,
    {{ coded('online_platform', 'platform') }} as platform
from {{ accepted_rows('online_platform') }}
{{ code_maps('online_platform', ['purpose', 'platform']) }}
