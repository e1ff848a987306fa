"""Rows in, one of each kind out: what is enough to judge them all.

A rule that looks at one row at a time says the same of rows that have the same values in the columns
it reads, and of these there are few: Great Expectations is given one row of each such kind, and its
answer holds for all of the kind. Its cost then hardly grows with the rows.

A rule that looks for repeats must see every row that could be one: those whose values occur more than
once in the mission. A row whose values occur once is no repeat of anything, whatever else there is.
A rule of any other type (ROW_WISE, REPEATS) is given all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterflow.validation.rules import Expectation

Places = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

ROW_WISE = frozenset(
    {
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_between",
        "expect_column_pair_values_a_to_be_greater_than_b",
    }
)
REPEATS = "expect_compound_columns_to_be_unique"
_WITHIN = "mission_code"  # kinds are made a mission at a time: repeats must be a mission's own
_DENSE = 1 << 22  # numbers up to here are looked up in an array, not sorted
_LARGEST = 1 << 62


def kinds(
    data: pa.Table, rules: Iterable[Expectation]
) -> tuple[Places, dict[str, Places], pa.Table]:
    """One row of each kind: where it stands in `data`; by rule id, of each row of `data` the row of
    its kind, as a place among these; and the rows themselves.
    """
    columns = _Columns(data)
    first = {}
    found: dict[object, Places] = {}  # rules that read the same columns have the same kinds
    for rule in rules:
        same, make = _way(rule, columns)
        if same not in found:
            found[same] = make()
        first[rule.rule_id] = same
    chosen = np.zeros(data.num_rows, dtype=bool)
    for places in found.values():
        chosen[places] = True
    number = np.cumsum(chosen, dtype=np.int32) - 1
    numbered = {same: number[places] for same, places in found.items()}
    kept = np.flatnonzero(chosen)
    rows = {rule_id: numbered[same] for rule_id, same in first.items()}
    return kept, rows, columns.take(kept)


def _way(rule: Expectation, columns: _Columns) -> tuple[object, Callable[[], Places]]:
    """How the kinds of a rule are found: a name for it, and what gives each row the first of its kind."""
    if not rule.needed <= columns.names:  # GX will say what is missing
        return "any", columns.one
    if rule.type in ROW_WISE:
        return rule.needed, lambda: columns.first_alike(sorted(rule.needed))
    if rule.type == REPEATS and _WITHIN in rule.columns:
        return rule.rule_id, lambda: _repeats(rule, columns)
    return "every", columns.every


def _repeats(rule: Expectation, columns: _Columns) -> Places:
    """Rows that are alone with their values are of one kind, if they are checked alike."""
    alike = columns.first_alike(rule.columns)
    often = np.bincount(alike, minlength=len(alike))[alike] > 1
    same = columns.first_alike(sorted(rule.conditional), rule.columns)
    # The first of a kind may itself be one of many: then another row stands for those that are alone.
    alone = np.flatnonzero(~often)
    stands = np.full(len(same), -1, dtype=np.int64)
    stands[same[alone[::-1]]] = alone[::-1]
    return np.where(often, np.arange(len(same)), stands[same])


class _Columns:
    """The columns of a table as numbers: equal numbers, equal values."""

    def __init__(self, data: pa.Table) -> None:
        self.names = frozenset(data.column_names)
        self._data, self._rows = data, data.num_rows
        self._known: dict[str, tuple[Places, int, Mask]] = {}

    def one(self) -> Places:
        """All rows of one kind."""
        return np.zeros(self._rows, dtype=np.int64)

    def every(self) -> Places:
        """Every row of its own kind."""
        return np.arange(self._rows, dtype=np.int64)

    def first_alike(self, names: Iterable[str], filled: Iterable[str] = ()) -> Places:
        """Of each row the first that has the same in `names`, and is filled where it is in `filled`."""
        numbers, size = np.zeros(self._rows, dtype=np.int64), 1
        parts = [self._numbers(name)[:2] for name in names]
        parts += [(self._numbers(name)[2].astype(np.int64), 2) for name in filled]
        for own, many in parts:
            if size * many > _LARGEST:
                numbers, size = _close(numbers)
            numbers, size = numbers * many + own, size * many
        if size > max(_DENSE, 4 * self._rows):
            numbers, size = _close(numbers)
        first = np.empty(size, dtype=np.int64)
        first[numbers[::-1]] = np.arange(self._rows - 1, -1, -1)
        return first[numbers]

    def take(self, places: Places) -> pa.Table:
        """Rows of the table, its texts as plain texts."""
        taken = self._data.take(pa.array(places))
        plain = [
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for column in taken.columns
        ]
        return pa.table(dict(zip(taken.column_names, plain, strict=True)))

    def _numbers(self, name: str) -> tuple[Places, int, Mask]:
        """A number for each row's value, how many numbers there can be, and which rows have none."""
        if name not in self._known:
            column = self._data.column(name).combine_chunks()
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
            missing = len(column.dictionary)
            numbers = pc.fill_null(column.indices, missing).to_numpy(zero_copy_only=False)
            self._known[name] = (numbers.astype(np.int64), missing + 1, numbers == missing)
        return self._known[name]


def _close(numbers: Places) -> tuple[Places, int]:
    """The same numbers without gaps between them."""
    values, places = np.unique(numbers, return_inverse=True)
    return places.astype(np.int64), len(values)
