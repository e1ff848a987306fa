"""The tree of reveals, for tables with too many columns for the lattice.

In: encoded columns, k and l. Out: the level at which each row shows each column. All rows start in
one class that shows nothing. Each class in turn shows one column one level better, the one by which
it gains most: values that k rows share become classes of their own, the others stay behind as they
were. A rest that would be too small keeps the smallest of the new classes with it.

Rows must come in an order that follows from their content only where values tie; nothing else is
read from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterflow.disclosure.encoding import Column, Ints, Levels
from counterflow.disclosure.grouping import Flags, diverse, groups, in_safe_groups


def grow(
    columns: Sequence[Column],
    worth: Sequence[Sequence[int]],
    secrets: Sequence[Ints],
    k: int,
    l: int,  # noqa: E741
) -> Levels | None:
    """Levels by row and column; None if not even all rows together are a safe class."""
    size = len(columns[0].ids)
    everyone = np.zeros(size, np.int64)
    if not in_safe_groups(everyone, secrets, k, l).all():
        return None
    shown = np.tile(np.array([c.any for c in columns], np.int8), (size, 1))
    # By column and level: a small number for each value that looks different there.
    looks = [
        [np.unique(column.paths & mask, return_inverse=True)[1] for mask in column.masks]
        for column in columns
    ]
    active = np.arange(size)
    group = everyone
    levels = shown[:1].astype(np.int64)  # by class and column
    blocked = np.zeros(levels.shape, bool)
    while len(active):
        best = np.zeros(len(levels), np.int64)
        choice = np.full(len(levels), -1)
        moves: list[tuple[Flags, Ints]] = []
        for place, column in enumerate(columns):
            finer = np.maximum(levels[:, place] - 1, 0)
            may = ~blocked[:, place] & (levels[:, place] > 0)
            step = np.array(worth[place], np.int64)
            leaves, number = _split(
                column.ids[active],
                looks[place],
                group,
                finer,
                may,
                [s[active] for s in secrets],
                k,
                l,
            )
            gain = np.bincount(group[leaves], minlength=len(levels)) * (
                step[finer] - step[levels[:, place]]
            )
            better = may & (gain > best)
            best[better], choice[better] = gain[better], place
            moves.append((leaves, number))
        done = choice[group] < 0
        chosen = choice[group]
        leaves = np.zeros(len(active), bool)
        number = np.zeros(len(active), np.int64)
        for place, (leaving, value) in enumerate(moves):
            here = chosen == place
            leaves[here], number[here] = leaving[here], value[here]
        shown[active[done]] = levels[group[done]]
        # Classes anew: (class, does it leave, by which value).
        rest, was = active[~done], group[~done]
        leaves, number, chosen = leaves[~done], number[~done], chosen[~done]
        width = int(number.max()) + 1 if len(number) else 1
        _, first, after = np.unique(
            (was * 2 + leaves) * width + np.where(leaves, number, 0),
            return_index=True,
            return_inverse=True,
        )
        levels, blocked = levels[was[first]], blocked[was[first]]
        rows, by = np.arange(len(first)), chosen[first]
        left = leaves[first]
        levels[rows[left], by[left]] -= 1
        blocked[rows[~left], by[~left]] = True
        active, group = rest, after.ravel()
    return shown


def _split(
    ids: Ints,
    looks: Sequence[Ints],
    group: Ints,
    finer: Ints,
    may: Flags,
    secrets: Sequence[Ints],
    k: int,
    l: int,  # noqa: E741
) -> tuple[Flags, Ints]:
    """Which rows leave if each class shows the column at its finer level, and by which value."""
    count = len(finer)
    number = np.zeros(len(ids), np.int64)
    for level in np.unique(finer[may]):
        here = (may & (finer == level))[group]
        number[here] = looks[level][ids[here]]
    width = int(number.max()) + 1
    order, starts, sizes, safe = groups(group * width + number, secrets, k, l)
    owner = group[order[starts]]
    safe &= may[owner]
    whole = np.bincount(group, minlength=count)
    staying = whole - np.bincount(owner[safe], sizes[safe], count).astype(np.int64)
    leaves = np.empty(len(ids), bool)
    leaves[order] = np.repeat(safe, sizes)
    short = (staying > 0) & (staying < k)
    if secrets and l > 1:
        behind = np.flatnonzero(~leaves)
        behind = behind[np.argsort(group[behind], kind="stable")]
        if len(behind):
            varied = diverse(group[behind], [s[behind] for s in secrets], count, l)
            short |= (staying > 0) & ~varied
    # The smallest class that would leave stays: with it the rest is safe.
    candidates = np.flatnonzero(safe & short[owner])
    candidates = candidates[np.lexsort((candidates, sizes[candidates], owner[candidates]))]
    _, first = np.unique(owner[candidates], return_index=True)
    safe[candidates[first]] = False
    leaves[order] = np.repeat(safe, sizes)
    return leaves, number
