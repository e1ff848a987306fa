-- Decisions on accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('screening', 'decision') }} as decision,
    {{ coded('screening', 'decided_by') }} as decided_by,
    landed.decided_month
from {{ accepted_rows('screening') }}
{{ code_maps('screening', ['decision', 'decided_by']) }}
