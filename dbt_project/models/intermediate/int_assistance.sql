-- Services of accepted cases in canonical codes.
select
    parent.mission_code,
    parent.case_key,
    parent.form_version,
    {{ coded('assistance', 'service_type') }} as service_type,
    -- a form that has no status lists the services received
    if(
        landed.status is null and not coalesce(form.assistance__status, false),
        'provided',
        {{ coded('assistance', 'status') }}
    ) as status,
    landed.started_month,
    landed.ended_month,
    {{ coded('assistance', 'provider_type') }} as provider_type
from {{ accepted_rows('assistance') }}
{{ code_maps('assistance', ['service_type', 'status', 'provider_type']) }}
