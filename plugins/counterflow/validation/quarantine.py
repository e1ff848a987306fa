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
        merged as (
            select distinct case_key, {"merged_into_key" if merging else "null"} as into_key
            from {seal.scan(cases)} where into_key is not null
        ),
        owned as not materialized (
            select
                source,
                source_row,
                failed.source is not null as is_failed,
                coalesce(into_key, case_key) as owner,
                into_key is not null as is_merged
            from {seal.scan(export / "rows.parquet")}
            left join failed using (source, source_row)
            left join merged using (case_key)
        ),
        sound as (
            select distinct owner from owned where source = 'case' and not is_merged and not is_failed
        )
        select owned.source, owned.source_row
        from owned left join sound using (owner)
        where owned.is_failed or ((source <> 'case' or is_merged) and sound.owner is null)
        """
    )
