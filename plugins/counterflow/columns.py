"""Columns of an export as distinct values and places: what ingest computes with.

In: an Arrow column of strings. Out: `Cells`: each distinct value once, cleaned, and for every row
the place of its value. Python then works on distinct values only, NumPy on places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from counterflow.text import clean

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True, repr=False)
class Cells:
    """`values[places[row]]` is the cleaned cell of a row. No repr: values are personal."""

    values: list[str]
    places: Places

    @classmethod
    def of(cls, column: pa.Array) -> Cells:
        """The cells of an Arrow column of strings without nulls."""
        encoded = column.dictionary_encode()
        numbers: dict[str, int] = {}  # two writings that clean to one are one value
        places = [
            numbers.setdefault(clean(v), len(numbers)) for v in encoded.dictionary.to_pylist()
        ]
        indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(list(numbers), np.array(places, np.int64)[indices] if places else indices)

    @classmethod
    def constant(cls, value: str, rows: int) -> Cells:
        """The same value on every row."""
        return cls([value], np.zeros(rows, np.int64))

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: Places) -> Cells:
        """The cells of some rows, in their order."""
        return Cells(self.values, self.places[rows])

    def filled(self) -> Mask:
        """Which rows hold something."""
        return np.fromiter((bool(v) for v in self.values), np.bool_, len(self.values))[self.places]

    def map(self, function: Callable[[str], str | None]) -> pa.Array:
        """The text column of `function` over the distinct values."""
        return gather(pa.array([function(v) for v in self.values], pa.string()), self.places)

    def each(self, function: Callable[[str], Any]) -> list[Any]:
        """`function` of each distinct value, in the order of `values`."""
        return [function(value) for value in self.values]


def gather(values: pa.Array, places: Places) -> pa.Array:
    """`values[places]`; a place of -1 is null."""
    index = (
        pa.array(places, mask=places < 0) if len(places) and places.min() < 0 else pa.array(places)
    )
    return values.take(index)


def explode(items: Sequence[Sequence[int]], places: Places) -> tuple[Places, Places]:
    """Rows and items of a list column: `items[place]` are the item numbers of each distinct value.

    Returns (row of each item, item number), rows ascending, items in the order of the cell.
    """
    counts = np.fromiter((len(x) for x in items), np.int64, len(items))
    flat = np.fromiter((i for x in items for i in x), np.int64, int(counts.sum()))
    starts = (
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)[:-1]]) if len(items) else counts
    )
    per_row = counts[places]
    rows = np.repeat(np.arange(len(places), dtype=np.int64), per_row)
    before = np.repeat(np.cumsum(per_row) - per_row, per_row)
    within = np.arange(len(rows), dtype=np.int64) - before
    return rows, flat[np.repeat(starts[places], per_row) + within] if len(rows) else rows
