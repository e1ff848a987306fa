"""The mask-lattice cover: rows are released under the generalisation that shows most of them.

In: one code a row and the masks, best first. Out: which mask each row is released under. Exact on
k and l: a row is released under a mask only together with at least k - 1 others that look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from counterflow.disclosure.encoding import Ints

Flags = np.ndarray[Any, np.dtype[np.bool_]]


def cover(codes: Ints, sensitive: Sequence[Ints], masks: Sequence[int], k: int, l: int) -> Ints:  # noqa: E741
    """The number of each row's mask; -1 for rows that no class of k can hold."""
    released = np.full(len(codes), -1, np.int64)
    rest = np.arange(len(codes))
    for number, mask in enumerate(masks):
        if len(rest) < k:
            break
        safe = in_safe_groups(codes[rest] & mask, [s[rest] for s in sensitive], k, l)
        released[rest[safe]] = number
        rest = rest[~safe]
    return released


def in_safe_groups(keys: Ints, sensitive: Sequence[Ints], k: int, l: int) -> Flags:  # noqa: E741
    """Which rows share their key with at least k rows that show l values of each sensitive column."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    safe = sizes >= k
    for values in sensitive:
        safe &= _distinct(values[order], starts, sizes) >= l
    flags = np.empty(len(keys), bool)
    flags[order] = np.repeat(safe, sizes)
    return flags


def _distinct(values: Ints, starts: Ints, sizes: Ints) -> Ints:
    """Distinct values in each run of rows."""
    group = np.repeat(np.arange(len(starts)), sizes)
    pairs = np.unique(np.stack([group, values]), axis=1)
    return np.bincount(pairs[0], minlength=len(starts))
