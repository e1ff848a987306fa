"""Which source rows of an export a verdict keeps from the facts.

In: a landed export and the folder of a verdict on it. Out: the source rows that failed a critical
rule, or whose case is not there or has no row that passed them all. `int_source_row` in dbt says the same, with why.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from counterflow.sealing import Seal


def quarantined_rows(seal: Seal, export: Path, verdict: Path) -> pa.Table:
    """`source` and `source_row` of each. The case of a record that was merged is its survivor."""
    cases = export / "case.parquet"
    merging = "merged_into_key" in seal.schema(cases).names  # landed before records could merge
    return seal.query(
        f"""
        with failed as (select distinct source, source_row from {seal.scan(verdict / "failures.parquet")}),
        row_ as (select source, source_row, case_key from {seal.scan(export / "rows.parquet")}),
        judged as (
            select row_.*, failed.source is not null as is_failed
            from row_ left join failed using (source, source_row)
        ),
        merged as (
            select distinct case_key, {"merged_into_key" if merging else "null"} as into_key
            from {seal.scan(cases)} where into_key is not null
        ),
        owned as (
            select judged.*, coalesce(into_key, case_key) as owner, into_key is not null as is_merged
            from judged left join merged using (case_key)
        ),
        case_ as (
            select case_key as owner, bool_and(is_failed) as is_failed from owned
            where source = 'case' and case_key is not null and not is_merged group by case_key
        )
        select owned.source, owned.source_row
        from owned left join case_ using (owner)
        where owned.is_failed
            or ((source <> 'case' or is_merged) and coalesce(case_.is_failed, true))
        """
    )
