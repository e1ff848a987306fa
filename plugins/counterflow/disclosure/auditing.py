"""Withholds cells of a release from which, by subtraction, a small group could be narrowed down.

In: cells by their conditions, with what is published of each. Out: the same, with fewer published.
The attacker who is assumed knows every published cell, how counts were protected, which cells are
not empty, and which were withheld for being small. He bounds each true count, and uses that parts
add up to their whole. Any group of 1 to minimum - 1 contributors (a withheld cell, what is left of
a whole beside its published parts, or the difference of two published cells, one part of the
other) must stay possible at `POSSIBLE` different sizes at least.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

Conditions = frozenset[tuple[str, Any]]

POSSIBLE = 4
_PASSES = 50
_SOLVED = 100  # small cells, the least sheltered first, that are also bounded by linear programming


@dataclass(slots=True)
class Cell:
    """The true count, what is published of it (None: withheld), and its bounds to an outsider."""

    members: int
    published: int | None
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class _Sum:
    """A whole and its parts by one dimension; `exact` if they add up (nobody is in two)."""

    whole: Conditions
    parts: tuple[Conditions, ...]


def withhold_derivable(
    cells: dict[Conditions, Cell], steps: Iterable[tuple[Conditions, str, Conditions]], minimum: int
) -> int:
    """Withhold, in place, until nothing small can be narrowed down; returns how many were withheld.

    `steps` are (whole, dimension, part) as the tables have them.
    """
    sums = _sums(cells, steps)
    pairs = [
        (whole, part)
        for part in _sorted(cells)
        for whole in _wholes(part, cells)
        if 1 <= cells[whole].members - cells[part].members < minimum
    ]
    everyone = max((cell.members for cell in cells.values()), default=0) + 1000
    withheld = 0
    while True:
        bounds = _bounds(cells, sums, everyone)
        culprits = _culprits(cells, sums, pairs, bounds, minimum)
        if not culprits:
            bounds = _solved(cells, sums, bounds, minimum)
            culprits = _culprits(cells, sums, pairs, bounds, minimum)
        if not culprits:
            return withheld
        for conditions in culprits:
            cell = cells[conditions]
            cell.published, cell.low, cell.high = None, 1, everyone
        withheld += len(culprits)


def _sums(
    cells: Mapping[Conditions, Cell], steps: Iterable[tuple[Conditions, str, Conditions]]
) -> list[_Sum]:
    """Every whole with all of its parts by a dimension that add up to it."""
    parts: dict[tuple[Conditions, str], set[Conditions]] = {}
    for whole, dimension, part in steps:
        parts.setdefault((whole, dimension), set()).add(part)
    for conditions in cells:  # parts in the words of another table
        for condition in conditions:
            whole = conditions - {condition}
            if whole in cells:
                parts.setdefault((whole, condition[0]), set()).add(conditions)
    return [
        _Sum(whole, tuple(sorted(among, key=_order)))
        for (whole, _), among in sorted(parts.items(), key=lambda p: (_order(p[0][0]), p[0][1]))
        if sum(cells[part].members for part in among) == cells[whole].members
    ]


def _wholes(part: Conditions, cells: Mapping[Conditions, Cell]) -> Iterator[Conditions]:
    for size in range(len(part)):
        for some in itertools.combinations(part, size):
            if (whole := frozenset(some)) in cells:
                yield whole


def _bounds(
    cells: Mapping[Conditions, Cell], sums: list[_Sum], everyone: int
) -> dict[Conditions, tuple[int, int]]:
    """What an outsider can conclude of each true count."""
    low = {conditions: cell.low for conditions, cell in cells.items()}
    high = {conditions: min(cell.high, everyone) for conditions, cell in cells.items()}
    for _ in range(_PASSES):
        changed = False
        for total in sums:
            lows = sum(low[part] for part in total.parts)
            highs = sum(high[part] for part in total.parts)
            if lows > low[total.whole] or highs < high[total.whole]:
                low[total.whole] = max(low[total.whole], lows)
                high[total.whole] = min(high[total.whole], highs)
                changed = True
            for part in total.parts:
                least = low[total.whole] - (highs - high[part])
                most = high[total.whole] - (lows - low[part])
                if least > low[part] or most < high[part]:
                    low[part], high[part] = max(low[part], least), min(high[part], most)
                    changed = True
                    lows = sum(low[p] for p in total.parts)
                    highs = sum(high[p] for p in total.parts)
        if not changed:
            break
    return {conditions: (low[conditions], high[conditions]) for conditions in cells}


def _solved(
    cells: Mapping[Conditions, Cell],
    sums: list[_Sum],
    bounds: dict[Conditions, tuple[int, int]],
    minimum: int,
) -> dict[Conditions, tuple[int, int]]:
    """The bounds again, those of small cells by linear programming: all sums at once."""
    small = [c for c in _sorted(cells) if cells[c].published is None and cells[c].members < minimum]
    small = sorted(small, key=lambda c: bounds[c][1] - bounds[c][0])[:_SOLVED]
    place = {conditions: i for i, conditions in enumerate(cells)}
    entries = [
        (row, place[part], value)
        for row, total in enumerate(sums)
        for part, value in ((total.whole, -1.0), *((part, 1.0) for part in total.parts))
    ]
    if not small or not entries:
        return bounds
    rows, columns, values = zip(*entries, strict=True)
    matrix = coo_matrix((values, (rows, columns)), shape=(len(sums), len(cells))).tocsr()
    box = [bounds[conditions] for conditions in cells]
    found = dict(bounds)
    for conditions in small:
        goal = np.zeros(len(cells))
        goal[place[conditions]] = 1.0
        least, most = (
            linprog(sign * goal, A_eq=matrix, b_eq=np.zeros(len(sums)), bounds=box)
            for sign in (1, -1)
        )
        if least.status == 0 and most.status == 0:
            found[conditions] = (math.ceil(least.fun - 1e-6), math.floor(-most.fun + 1e-6))
    return found


def _culprits(
    cells: Mapping[Conditions, Cell],
    sums: list[_Sum],
    pairs: list[tuple[Conditions, Conditions]],
    bounds: Mapping[Conditions, tuple[int, int]],
    minimum: int,
) -> list[Conditions]:
    """Published cells to withhold next: one for each sum or pair that gives something away."""
    found: set[Conditions] = set()

    def narrow(low: int, high: int) -> bool:
        return high - max(low, 1) + 1 < POSSIBLE

    for whole, part in pairs:
        if cells[whole].published is None or cells[part].published is None:
            continue
        if narrow(bounds[whole][0] - bounds[part][1], bounds[whole][1] - bounds[part][0]):
            found.add(part)
    for total in sums:
        hidden = [part for part in total.parts if cells[part].published is None]
        shown = [part for part in total.parts if cells[part].published is not None]
        rest = sum(cells[part].members for part in hidden)
        small = [part for part in hidden if cells[part].members < minimum]
        if not small or found.intersection(total.parts) or total.whole in found:
            continue
        low, high = bounds[total.whole]
        low -= sum(bounds[part][1] for part in shown)
        high -= sum(bounds[part][0] for part in shown)
        given_away = any(narrow(*bounds[part]) for part in small)
        if given_away or (rest < minimum and narrow(low, high)):
            if shown:
                found.add(min(shown, key=lambda part: (cells[part].members, _order(part))))
            elif cells[total.whole].published is not None:
                found.add(total.whole)
    if not found:
        # Given away by several sums together: the nearest published cell that takes part in them.
        for conditions, cell in cells.items():
            if cell.published is None and cell.members < minimum and narrow(*bounds[conditions]):
                found |= set(_nearest(conditions, cells)[:1])
    return sorted(found, key=_order)


def _nearest(conditions: Conditions, cells: Mapping[Conditions, Cell]) -> list[Conditions]:
    """Published cells that share conditions with this one, those that share most and are smallest first."""
    shown = [c for c in cells if cells[c].published is not None and len(c & conditions) > 0]
    return sorted(shown, key=lambda c: (-len(c & conditions), cells[c].members, _order(c)))


def _order(conditions: Conditions) -> tuple[Any, ...]:
    return (len(conditions), sorted((name, str(value)) for name, value in conditions))


def _sorted(cells: Mapping[Conditions, Cell]) -> list[Conditions]:
    return sorted(cells, key=_order)
