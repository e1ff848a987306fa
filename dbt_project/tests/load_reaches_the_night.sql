-- There is a load of the night that is built, and none of a later night. Not every mission need have one: a run may be of some missions only.
{{ config(tags=['quality']) }}

select max(night) as newest_night
from {{ ref('load') }}
having max(night) is distinct from {{ night() }}
