"""A verdict's folder: failures.parquet, results.parquet and verdict.json, whole or not at all.

In: a verdict with its results and failures. Out: `<export>/verdict-<rules8>/`, written aside and
renamed, so that a killed run leaves no half verdict; and a kept verdict read back. The same
verdict has the same content: nothing of a clock, a night or a process is in it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from counterflow import disk
from counterflow.sealing import Seal
from counterflow.validation.gx import version
from counterflow.validation.judge import Result
from counterflow.validation.model import LandedExport, Reason, Status, Verdict, verdict_folder

FAILURES = pa.schema(
    [
        ("table_name", pa.string()),
        ("source", pa.string()),
        ("source_row", pa.int64()),
        ("rule_id", pa.string()),
    ]
)
RESULTS = pa.schema(
    [
        ("table_name", pa.string()),
        ("rule_id", pa.string()),
        ("severity", pa.string()),
        ("status", pa.string()),
        ("rows_checked", pa.int64()),
        ("rows_failed", pa.int64()),
    ]
)


def kept(export: LandedExport, rules: str) -> Verdict | None:
    """The verdict that was already given under the same rules, if it holds.

    A `failed` one does not: it says that the machinery broke, and is tried again.
    """
    file = verdict_folder(export.path, rules) / "verdict.json"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if raw["rules"] != rules or raw["status"] == Status.FAILED:
        return None
    return Verdict(
        raw["mission_code"],
        export.path,
        Status(raw["status"]),
        tuple(Reason(**reason) for reason in raw["reasons"]),
        rules,
        raw["quarantined"],
    )


def failure_table(failures: Sequence[pa.Table]) -> pa.Table:
    """One row per failing critical rule and source row, in a fixed order."""
    if not failures:
        return FAILURES.empty_table()
    keys = FAILURES.names
    rows = pa.concat_tables(failures).select(keys)
    return rows.group_by(keys).aggregate([]).select(keys).sort_by([(k, "ascending") for k in keys])


def write(seal: Seal, verdict: Verdict, results: Sequence[Result], failures: pa.Table) -> None:
    """Write the verdict's folder, aside first. A folder already there is replaced."""
    folder = verdict.folder
    aside = folder.with_name(f".tmp-{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    rows = [
        {
            "table_name": r.table_name,
            "rule_id": r.rule_id,
            "severity": r.severity,
            "status": r.status.value,
            "rows_checked": r.checked,
            "rows_failed": r.failed,
        }
        for r in results
    ]
    seal.write(pa.Table.from_pylist(rows, schema=RESULTS), aside / "results.parquet")
    seal.write(failures.cast(FAILURES), aside / "failures.parquet")
    (aside / "verdict.json").write_text(_json(verdict), encoding="utf-8")
    _replace(aside, folder)
    disk.sync(folder.parent)


def _json(verdict: Verdict) -> str:
    content = {
        "mission_code": verdict.mission_code,
        "export": verdict.export.name,
        "status": verdict.status.value,
        "reasons": [
            {
                "rule_id": r.rule_id,
                "reason": r.reason,
                "cure": r.cure,
                "table_name": r.table_name,
                "observed": dict(r.observed),
            }
            for r in verdict.reasons
        ],
        "quarantined": verdict.quarantined,
        "rules": verdict.rules,
        "great_expectations": version(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _replace(aside: Path, folder: Path) -> None:
    """Put `aside` in the place of `folder`; of two runs at once, either one's result stays."""
    disk.settle(aside)
    try:
        aside.rename(folder)
    except OSError:
        old = folder.with_name(f"{aside.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        try:
            folder.rename(old)
            aside.rename(folder)
        except OSError:  # another run was faster; under the same rules it wrote the same
            shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
