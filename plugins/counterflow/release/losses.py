"""What a release lost, counted from its own files: cells per column, and how marginals moved.

In: the microdata and the protected profile. Out: `Loss` and `Moved` rows for the report. Nothing that a reader of the
release could not count himself goes in, so the report tells nothing more about anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from counterflow.release.contents import SUPPRESSED
from counterflow.release.formats import COUNT
from counterflow.release.policy import ReleasePolicy


@dataclass(frozen=True, slots=True)
class Loss:
    """One column: shares of its cells that show the value itself, only a coarser one, nothing."""

    column: str
    exact: float
    coarser: float
    suppressed: float


@dataclass(frozen=True, slots=True)
class Moved:
    """One value: its share of all cases (protected counts), and of the rows that show the column."""

    column: str
    value: str
    before: float
    after: float


def losses(table: pa.Table, policy: ReleasePolicy) -> list[Loss]:
    """Every column of the microdata, in the policy's order."""
    return [_loss(table, policy, name) for name in policy.columns]


def _loss(table: pa.Table, policy: ReleasePolicy, name: str) -> Loss:
    rows = list(zip(*(table[level].to_pylist() for level in policy.levels(name)), strict=True))
    exact = sum(row[0] != SUPPRESSED for row in rows)
    nothing = sum(all(cell == SUPPRESSED for cell in row) for row in rows)
    total = max(len(rows), 1)
    return Loss(name, exact / total, (len(rows) - exact - nothing) / total, nothing / total)


def moved(tables: Mapping[str, pa.Table], policy: ReleasePolicy) -> list[Moved]:
    """Every value that the protected profile counts, in the microdata's columns."""
    return list(_moved(tables, policy))


def _moved(tables: Mapping[str, pa.Table], policy: ReleasePolicy) -> Iterator[Moved]:
    if "profiles" not in tables:
        return
    profile = tables["profiles"]
    counts: dict[str, dict[str, int]] = {}
    for column, value, count in zip(
        *(profile[c].to_pylist() for c in ("attribute", "value", COUNT)), strict=True
    ):
        counts.setdefault(column, {})[value] = count
    for column in policy.columns:
        before = counts.get(column, {})
        after = Counter(v for v in tables["microdata"][column].to_pylist() if v != SUPPRESSED)
        whole, shown = sum(before.values()), sum(after.values())
        for value, count in before.items():
            yield Moved(column, value, count / whole, after[value] / shown if shown else 0.0)


def distance(found: list[Moved], column: str) -> float:
    """How far a column's shares moved in all: half the sum of the differences; 0 alike, 1 nothing in common."""
    return sum(abs(m.before - m.after) for m in found if m.column == column) / 2
