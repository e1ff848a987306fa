-- The source rows that are quarantined, which are few. A row is by its own failing rules, or because no row of its
-- case was accepted (`parent_quarantined`). Rules are listed in the order of judgement: the case's own
-- key and the child's case first, then the parent's fate, then the rest by name. The case of a record that was merged into
-- another is that other one.
with own as (
    select
        mission_code,
        source,
        source_row,
        list(distinct rule_id) as rule_ids,
        bool_or(rule_id like '%.case_present' or rule_id like '%.case_known' or rule_id = 'case.merged_known') as is_without_case
    from {{ ref('stg_failure') }}
    group by mission_code, source, source_row
),

case_row as (
    select distinct
        mission_code,
        source,
        source_row,
        case_key,
        merged_into_key
    from {{ ref('stg_case') }}
),

merged as (
    select
        mission_code,
        case_key,
        min(merged_into_key) as merged_into_key
    from case_row
    where merged_into_key is not null
    group by mission_code, case_key
),

accepted_case as (
    select distinct
        case_row.mission_code,
        case_row.case_key
    from case_row
    left join own
        on
            case_row.mission_code = own.mission_code
            and case_row.source = own.source
            and case_row.source_row = own.source_row
    where own.rule_ids is null and case_row.case_key is not null and case_row.merged_into_key is null
),

judged as (
    select
        landed.mission_code,
        landed.source,
        landed.source_row,
        landed.case_key,
        coalesce(own.rule_ids, []) as own_rules,
        (case_row.source_row is null or case_row.merged_into_key is not null)
        and accepted_case.case_key is null
        and not coalesce(own.is_without_case, false) as is_orphaned
    from {{ ref('stg_rows') }} as landed
    left join own
        on
            landed.mission_code = own.mission_code
            and landed.source = own.source
            and landed.source_row = own.source_row
    left join case_row
        on
            landed.mission_code = case_row.mission_code
            and landed.source = case_row.source
            and landed.source_row = case_row.source_row
    left join merged
        on landed.mission_code = merged.mission_code and landed.case_key = merged.case_key
    left join accepted_case
        on
            landed.mission_code = accepted_case.mission_code
            and coalesce(merged.merged_into_key, landed.case_key) = accepted_case.case_key
),

listed as (
    select
        mission_code,
        source,
        source_row,
        case_key,
        own_rules || if(is_orphaned, ['parent_quarantined'], []) as rules
    from judged
    where len(own_rules) > 0 or is_orphaned
)

select
    mission_code,
    source,
    source_row,
    case_key,
    case
        when len(rules) < 2 then rules
        else list_transform(
            list_sort(
                list_transform(
                    rules,
                    lambda rule: case
                        when rule like '%.case_present' or rule like '%.case_known' or rule = 'case.merged_known' then '0'
                        when rule = 'parent_quarantined' then '1'
                        when rule like 'case.key%' then '2'
                        else '3'
                    end || rule
                )
            ),
            lambda rule: rule[2:]
        )
    end as rule_ids
from listed
