"""A table's quasi-identifiers as whole numbers: one 64-bit code a row, whose masks are generalisations.

In: Arrow columns and their hierarchies. Out: per column the levels it can be shown at, and how a
level is masked and written. A code's bits are a path, region before sub-region before country, so
that `code & mask` is equal for two rows exactly if they look the same under that generalisation.
Codes follow the order of the values, never that of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterflow.disclosure.hierarchies import Hierarchy

Ints = np.ndarray[Any, np.dtype[np.int64]]
Levels = np.ndarray[Any, np.dtype[np.int8]]  # by row and column


@dataclass(frozen=True)
class Column:
    """One quasi-identifier.

    Level 0 is the value itself, levels 1… its ancestors, the last (`any`) nothing.
    `ids` has one number a row (0: null in the input); `paths[id]` the code of that value's path,
    `masks[level]` the bits of it that the level shows, `labels[level][id]` what is written then.
    """

    name: str
    levels: tuple[str, ...]
    type: pa.DataType
    ids: Ints
    paths: Ints
    masks: tuple[int, ...]
    labels: tuple[pa.Array, ...]
    worth: tuple[float, ...]
    bits: int

    @property
    def any(self) -> int:
        """The level that shows nothing."""
        return len(self.masks) - 1

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the columns it becomes in a release."""
        return (self.name, *(f"{self.name}_{level}" for level in self.levels))


def encode(
    table: pa.Table, names: Sequence[str], hierarchies: Mapping[str, Hierarchy]
) -> list[Column]:
    """The columns called `names`, each over its own bits from 0."""
    return [_column(name, table[name], hierarchies.get(name)) for name in names]


def numbered(values: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """(number of each row's value, its values in order); null is 0 and the first of the values."""
    coded = values.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    rank[-1] = 0
    places = pc.fill_null(coded.indices, len(order)).to_numpy(zero_copy_only=False)
    first = pa.nulls(1, coded.dictionary.type)
    return rank.astype(np.int32)[places], pa.concat_arrays(
        [first, coded.dictionary.take(pa.array(order))]
    )


def _column(name: str, values: pa.ChunkedArray, hierarchy: Hierarchy | None) -> Column:
    ids, exact = numbered(values)
    steps = hierarchy.levels if hierarchy else ()
    above = [
        hierarchy.ancestors(v) if hierarchy and v is not None else (None,) * len(steps)
        for v in exact.to_pylist()
    ]
    labels = [exact, *(pa.array([a[i] for a in above], pa.string()) for i in range(len(steps)))]
    counts = np.bincount(ids, minlength=len(exact)).astype(np.float64)

    # From the coarsest level down: each value's number among the children of its parent.
    paths = np.zeros(len(exact), np.int64)
    widths: list[int] = []
    entropy: list[float] = []
    for level in reversed(range(len(labels))):
        shown = labels[level]
        children: dict[int, list[Any]] = {}
        known = shown.to_pylist()
        for path, value in zip(paths.tolist(), known, strict=True):
            if value is not None and value not in children.setdefault(path, []):
                children[path].append(value)
        numbers = {
            (path, v): i
            for path, among in children.items()
            for i, v in enumerate(sorted(among, key=str), 1)
        }
        width = max((len(among) for among in children.values()), default=0).bit_length()
        paths = (paths << width) | np.array(
            [numbers.get((p, v), 0) for p, v in zip(paths.tolist(), known, strict=True)], np.int64
        )
        widths.append(width)
        entropy.append(_entropy(paths, counts))
    bits = sum(widths)
    masks, seen = [], 0
    for width in widths:
        seen += width
        masks.append(((1 << seen) - 1) << (bits - seen))
    worth = [e / entropy[-1] if entropy[-1] else 0.0 for e in entropy]
    return Column(
        name,
        tuple(steps),
        exact.type,
        ids,
        paths,
        (*reversed(masks), 0),
        tuple(labels),
        (*reversed(worth), 0.0),
        bits,
    )


def _entropy(paths: Ints, counts: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Bits of information of the level, null being its own value."""
    _, groups = np.unique(paths, return_inverse=True)
    shares = np.bincount(groups, counts)
    shares = shares[shares > 0] / max(counts.sum(), 1.0)
    return float(-(shares * np.log2(shares)).sum())


def pack(columns: Sequence[Column]) -> tuple[Ints, list[tuple[int, ...]]]:
    """(code of each row, per column its masks shifted to where its bits are)."""
    codes = np.zeros(len(columns[0].ids), np.int64)
    shifted = []
    offset = 0
    for column in columns:
        codes |= column.paths[column.ids] << offset
        shifted.append(tuple(mask << offset for mask in column.masks))
        offset += column.bits
    return codes, shifted


def write(column: Column, levels: Levels, rows: Ints) -> list[pa.Array]:
    """The released cells of `rows`, each shown at its level: the column and one per coarser level."""
    ids = column.ids[rows]
    return [
        column.labels[level].take(pa.array(np.where(levels <= level, ids, 0)))
        for level in range(len(column.labels))
    ]
