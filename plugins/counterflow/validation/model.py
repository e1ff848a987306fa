"""What goes into validation and what comes out: a landed export, a verdict and its reasons.

No object of this module ever holds a value of the data: missions, tables, fields, rules, counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow.sealing import Seal

Observed = Mapping[str, float | int | str]


class Status(StrEnum):
    """What becomes of a mission's export."""

    ACCEPTED = "accepted"  # its rows are in force, except those its row rules quarantine
    REFUSED = "refused"  # the export as a whole is implausible: the last good one stays
    FAILED = "failed"  # a critical rule could not run: nothing is known about the data


class RuleStatus(StrEnum):
    """What became of one rule for one mission."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"  # no rows in that table, or no value to check
    ERROR = "error"  # the rule could not run: says nothing about the data


@dataclass(frozen=True, slots=True)
class LandedExport:
    """One mission's landed export and what it is judged against."""

    mission_code: str
    path: Path  # landing/<MISSION>/exports/<export>
    code_map: pa.Table  # table_name, field, local_code, code: local codes and their tokens
    # table -> {min_rows: int | None, max_fall: float | None, filled: {landed field: share}}
    assertions: Mapping[str, Mapping[str, Any]]
    # table -> {rows: int, newest_month: date | None} of the export in force before; None if first
    previous: Mapping[str, Mapping[str, Any]] | None
    night: date  # for callers' messages: a verdict depends on no night, so it can be kept
    seal: Seal  # opens the export, and seals the verdict
    # form_version, table_name, field, item, is_asked: what each form of the mission asks; None: all
    asked: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an export was refused or failed, and what to do about it."""

    rule_id: str
    reason: str
    cure: str
    table_name: str
    observed: Observed  # counts and shares, names of fields; never a value


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one export, and where the details are."""

    mission_code: str
    export: Path
    status: Status
    reasons: tuple[Reason, ...]
    rules: str  # hash of all that the verdict depends on beside the export itself
    quarantined: int  # source rows that failed a critical rule themselves (children not counted)

    @property
    def folder(self) -> Path:
        """Where failures.parquet, results.parquet and verdict.json of this verdict are."""
        return verdict_folder(self.export, self.rules)

    @property
    def message(self) -> str:
        """One line for the report: mission, export, rule, numbers and cure."""
        if not self.reasons:
            return f"{self.mission_code}: export {self.export.name} {self.status}"
        first = self.reasons[0]
        numbers = ", ".join(f"{name} {value}" for name, value in first.observed.items())
        more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
        return (
            f"{self.mission_code}: export {self.export.name} {self.status} by {first.rule_id} "
            f"on {first.table_name} [{numbers}]{more}. {first.reason} {first.cure}"
        )


def verdict_folder(export: Path, rules: str) -> Path:
    """The folder of the verdict that `rules` gives on `export`."""
    return export / f"verdict-{rules[:8]}"
