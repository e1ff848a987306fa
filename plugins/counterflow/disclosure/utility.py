"""What a release lost: cells, marginals and pairs, before against after.

In: the encoded input and the level at which each cell is shown. Out: a `Utility`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.disclosure.encoding import Column, Ints, Levels
from counterflow.disclosure.policy import Policy

LARGEST = 10  # pair moves that are listed


@dataclass(frozen=True, slots=True)
class ColumnLoss:
    """One quasi-identifier: how many of its filled cells are shown at each level.

    `shown` has a count by released column (`citizenship`, `citizenship_subregion`, …), each cell at
    its finest; `suppressed` are shown on none. `moved` is the total variation distance between the
    shares of its values before and among the cells shown exactly: 0 alike, 1 nothing in common.
    """

    column: str
    weight: float
    filled: int
    shown: dict[str, int]
    suppressed: int
    moved: float


@dataclass(frozen=True, slots=True)
class PairMove:
    """One pair of values whose share of the records that show both moved."""

    columns: tuple[str, str]
    values: tuple[Any, Any]
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Utility:
    """What was lost. Cells are the filled cells of quasi-identifiers, withheld rows' included.

    `suppressed` cells show nothing at all, `coarsened` ones an ancestor; `information_lost` is the
    share of weighted information that is gone (a coarser level counts for the part it keeps).
    `pairs` is the total variation distance by pair of columns; `moves` the largest single moves.
    """

    rows: int
    kept: int
    withheld: int
    cells: int
    suppressed: int
    coarsened: int
    information_lost: float
    columns: tuple[ColumnLoss, ...]
    pairs: dict[tuple[str, str], float]
    moves: tuple[PairMove, ...]

    @property
    def suppressed_share(self) -> float:
        """Suppressed cells of all."""
        return self.suppressed / self.cells if self.cells else 0.0


def utility(
    table: pa.Table, columns: Sequence[Column], kept: Ints, shown: Levels, policy: Policy
) -> Utility:
    """Compare the input's columns with what rows `kept` show at the levels `shown`."""
    losses, lost, whole = [], 0.0, 0.0
    for place, column in enumerate(columns):
        filled = int((column.ids > 0).sum())
        levels = shown[:, place][column.ids[kept] > 0]
        counts = np.bincount(levels, minlength=column.any + 1)
        by_name = dict(zip(column.written, (int(c) for c in counts[:-1]), strict=True))
        weight = policy.weight(column.name)
        whole += weight * filled
        lost += weight * (filled - float((counts * np.array(column.worth)).sum()))
        before = _shares(column.ids)
        after = _shares(column.ids[kept][shown[:, place] == 0])
        losses.append(
            ColumnLoss(
                column.name,
                weight,
                filled,
                by_name,
                filled - sum(by_name.values()),
                _distance(before, after),
            )
        )
    pairs, moves = {}, []
    for i, j in itertools.combinations(range(len(columns)), 2):
        one, two = columns[i], columns[j]
        size = len(two.paths)
        exact = (shown[:, i] == 0) & (shown[:, j] == 0)
        before = _pair_shares(one.ids, two.ids, size)
        after = _pair_shares(one.ids[kept][exact], two.ids[kept][exact], size)
        pairs[one.name, two.name] = _distance(before, after)
        for key in before.keys() | after.keys():
            moves.append((abs(before.get(key, 0.0) - after.get(key, 0.0)), i, j, key))
    moves.sort(key=lambda m: (-m[0], *m[1:]))
    named = tuple(
        _move(columns[i], columns[j], key, kept, shown[:, i] + shown[:, j] == 0)
        for _, i, j, key in moves[:LARGEST]
    )
    cells = sum(loss.filled for loss in losses)
    suppressed = sum(loss.suppressed for loss in losses)
    exactly = sum(loss.shown[loss.column] for loss in losses)
    return Utility(
        table.num_rows,
        len(kept),
        table.num_rows - len(kept),
        cells,
        suppressed,
        cells - suppressed - exactly,
        lost / whole if whole else 0.0,
        tuple(losses),
        pairs,
        named,
    )


def _shares(ids: Ints) -> dict[int, float]:
    counts = np.bincount(ids[ids > 0])
    total = max(int(counts.sum()), 1)
    return {int(i): int(counts[i]) / total for i in np.flatnonzero(counts)}


def _pair_shares(one: Ints, two: Ints, size: int) -> dict[int, float]:
    both = (one > 0) & (two > 0)
    return _shares(one[both] * size + two[both])


def _distance(before: dict[int, float], after: dict[int, float]) -> float:
    return (
        sum(
            abs(before.get(key, 0.0) - after.get(key, 0.0))
            for key in sorted(before.keys() | after.keys())
        )
        / 2
    )


def _move(one: Column, two: Column, key: int, kept: Ints, exact: Any) -> PairMove:
    size = len(two.paths)
    first, second = divmod(key, size)
    before = _pair_shares(one.ids, two.ids, size).get(key, 0.0)
    after = _pair_shares(one.ids[kept][exact], two.ids[kept][exact], size).get(key, 0.0)
    values = (one.labels[0][first].as_py(), two.labels[0][second].as_py())
    return PairMove((one.name, two.name), values, before, after)
