-- Every case key is made with one master key: two ids are a restored or half-rotated landing.
{{ config(meta={'of_all_missions': true}) }}

select count(distinct key_id) as key_ids
from {{ ref('fct_case') }}
having count(distinct key_id) > 1
