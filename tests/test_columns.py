"""Columns as distinct values and places say the same as the plain lists they stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from counterflow.columns import Cells, explode, gather
from counterflow.text import clean

texts = st.lists(st.sampled_from(["", "a", " b ", "b", "ç", "x" * 30]), max_size=30)


@given(texts)
def test_cells_are_the_cleaned_column(values: list[str]) -> None:
    cells = Cells.of(pa.array(values, pa.string()))
    assert [cells.values[p] for p in cells.places] == [clean(v) for v in values]
    assert cells.filled().tolist() == [bool(clean(v)) for v in values]
    assert cells.map(lambda v: v.upper() or None).to_pylist() == [
        clean(v).upper() or None for v in values
    ]


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=6), st.data())
def test_explode_is_a_nested_loop(items: list[list[int]], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=20))
    rows, found = explode(items, np.array(places, np.int64))
    expected = [(row, item) for row, place in enumerate(places) for item in items[place]]
    assert list(zip(rows.tolist(), found.tolist(), strict=True)) == expected


def test_gather_gives_null_for_no_place() -> None:
    assert gather(pa.array(["a", "b"]), np.array([1, -1, 0])).to_pylist() == [
        "b",
        None,
        "a",
    ]
