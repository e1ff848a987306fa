-- There is a load of the night that is built, and none of a later night. A run may be of some missions only, so not every one has a load.
{{ config(tags=['quality']) }}

select max(night) as newest_night
from {{ ref('load') }}
having max(night) is distinct from {{ night() }}
