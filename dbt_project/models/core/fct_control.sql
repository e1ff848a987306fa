with {{ item_answers(ref('int_control'), 'control', 'means_of_control') }}

select
    case_key,
    means_of_control,
    answer
from item_answer
order by case_key, means_of_control
