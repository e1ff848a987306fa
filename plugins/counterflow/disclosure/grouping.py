"""Rows that look the same: keys in, which of them are safe together out. Exact; nothing is sampled here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from counterflow.disclosure.encoding import Ints

Flags = np.ndarray[Any, np.dtype[np.bool_]]


def runs(ordered: Ints) -> tuple[Ints, Ints]:
    """Where each run of equal numbers starts, and how long it is."""
    changes = np.empty(len(ordered), bool)
    changes[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    starts = np.flatnonzero(changes)
    return starts, np.diff(starts, append=len(ordered))


def in_safe_groups(keys: Ints, secrets: Sequence[Ints], k: int, l: int) -> Flags:  # noqa: E741
    """Which rows share their key with k rows or more that show l values of each secret."""
    order, _, sizes, safe = groups(keys, secrets, k, l)
    flags = np.zeros(len(keys), bool)
    if safe.any():
        flags[order] = np.repeat(safe, sizes)
    return flags


def groups(
    keys: Ints,
    secrets: Sequence[Ints],
    k: int,
    l: int,  # noqa: E741
) -> tuple[Ints, Ints, Ints, Flags]:
    """(rows ordered by key, where in them each group starts, its size, whether it is safe)."""
    order = np.argsort(keys)
    starts, sizes = runs(keys[order])
    safe = sizes >= k
    if secrets and l > 1 and safe.any():
        rows = order[np.repeat(safe, sizes)]
        group = np.repeat(np.arange(int(safe.sum())), sizes[safe])
        safe[safe] = diverse(group, [s[rows] for s in secrets], int(safe.sum()), l)
    return order, starts, sizes, safe


def diverse(group: Ints, secrets: Sequence[Ints], groups: int, l: int) -> Flags:  # noqa: E741
    """Which of `groups` groups hold l distinct values of every secret; `group` is ascending."""
    found = np.ones(groups, bool)
    starts, _ = runs(group)
    present = group[starts]
    for values in secrets:
        if l == 2:
            varied = np.minimum.reduceat(values, starts) != np.maximum.reduceat(values, starts)
            found[present] &= varied
        else:
            found &= distinct(group, values, groups) >= l
    found[np.setdiff1d(np.arange(groups), present)] = False
    return found


def distinct(group: Ints, values: Ints, groups: int) -> Ints:
    """How many distinct values each group holds."""
    width = int(values.max()) + 1 if len(values) else 1
    pairs = np.unique(group * width + values)
    return np.bincount(pairs // width, minlength=groups)
