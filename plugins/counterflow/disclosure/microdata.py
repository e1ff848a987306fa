"""Records that may leave: coarsened or suppressed cell by cell until no one stands out.

In: a table of cases, its quasi-identifiers, its sensitive columns, a `Policy`. Out: an `Anonymised`
with the released rows in an order that says nothing, and what was lost. The result is checked in
SQL before it is handed on; a class below k is an error of the program and nothing is released.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.disclosure import lattice
from counterflow.disclosure.checking import Check, check
from counterflow.disclosure.encoding import Column, Ints, Levels, encode, numbered, pack, write
from counterflow.disclosure.lattice import UNIT, Problem
from counterflow.disclosure.policy import LATTICE_COLUMNS, DisclosureRefused, Policy
from counterflow.disclosure.tree import grow
from counterflow.disclosure.utility import Utility, utility

CODE_BITS = 62  # of a row's 64-bit code


@dataclass(frozen=True)
class Anonymised:
    """What may be released, and what it cost.

    `table` has each quasi-identifier under its own name and type, then one text column for each
    coarser level (`citizenship`, `citizenship_subregion`, `citizenship_region`), then the sensitive
    columns. A filled cell is the case's own value or that value's ancestor; a cell that is
    suppressed, or coarser than its column, is null. Rows are ordered by content.
    `kept[i]` is the row of the input that row i was made from; `withheld` counts rows not released.
    `levels` names, for each quasi-identifier, its columns from fine to coarse; all of them together,
    `quasi_identifiers`, are what a check must group by.
    """

    table: pa.Table
    kept: Ints
    withheld: int
    levels: Mapping[str, tuple[str, ...]]
    report: Utility
    check: Check

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Every released column that an outsider could know."""
        return tuple(itertools.chain.from_iterable(self.levels.values()))


def anonymise(
    table: pa.Table,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str],
    policy: Policy,
    *,
    threads: int = 2,
    memory: str = "2GB",
) -> Anonymised:
    """Release as much of `table` as k, l and the weights allow; the same rows give the same release.

    Columns that are neither quasi-identifiers nor sensitive are left out. Raises `DisclosureRefused` if the
    table cannot be released at all.
    """
    _refuse_if_wrong(table, quasi_identifiers, sensitive, policy)
    columns = encode(table, quasi_identifiers, policy.hierarchies)
    secrets = [numbered(table[name])[0] for name in sensitive]
    # From here on rows are in the order of their content, whatever order they came in.
    order = _by_content([column.paths[column.ids] for column in columns], columns, secrets)
    columns = [replace(column, ids=column.ids[order]) for column in columns]
    secrets = [values[order] for values in secrets]
    worth = [
        tuple(round(UNIT * policy.weight(column.name) * part) for part in column.worth)
        for column in columns
    ]
    if policy.method == "tree" or (policy.method == "auto" and not fits_lattice(columns)):
        kept, shown = _by_tree(columns, worth, secrets, policy)
    else:
        kept, shown = _by_lattice(columns, worth, secrets, policy, threads)
    return _written(table, columns, sensitive, secrets, policy, order, kept, shown)


def _by_content(looks: list[Ints], columns: Sequence[Column], secrets: Sequence[Ints]) -> Ints:
    """An order of rows that follows from what they show: rows that are alike may change places."""
    if sum(column.bits for column in columns) <= CODE_BITS:
        packed = np.zeros(len(looks[0]), np.int64)
        for look, column in zip(looks, columns, strict=True):
            packed = (packed << column.bits) | look
        looks = [packed]
    return np.lexsort([*reversed(secrets), *reversed(looks)])


def fits_lattice(columns: Sequence[Column]) -> bool:
    """Whether the columns are few and narrow enough for the lattice of masks."""
    return len(columns) <= LATTICE_COLUMNS and sum(column.bits for column in columns) <= CODE_BITS


def _by_lattice(
    columns: Sequence[Column],
    worth: Sequence[tuple[int, ...]],
    secrets: Sequence[Ints],
    policy: Policy,
    threads: int,
) -> tuple[Ints, Levels]:
    """(rows that are released, the level at which each shows each column)."""
    if sum(column.bits for column in columns) > CODE_BITS:
        raise DisclosureRefused(
            "the quasi-identifiers have too many values for the lattice: use the method `tree`"
        )
    codes, masks = pack(columns)
    problem = Problem(codes, tuple(secrets), tuple(masks), tuple(worth), policy.k, policy.l)
    found = lattice.cover(problem, effort=policy.effort, threads=threads)
    shown = np.full((len(codes), len(columns)), -1, np.int8)
    for node, rows in found.rows.items():
        shown[rows] = node
    kept = np.flatnonzero(shown[:, 0] >= 0)
    return kept, shown[kept]


def _by_tree(
    columns: Sequence[Column],
    worth: Sequence[tuple[int, ...]],
    secrets: Sequence[Ints],
    policy: Policy,
) -> tuple[Ints, Levels]:
    shown = grow(columns, worth, secrets, policy.k, policy.l)
    if shown is None:
        return np.empty(0, np.int64), np.empty((0, len(columns)), np.int8)
    return np.arange(len(shown)), shown


def _written(
    table: pa.Table,
    columns: Sequence[Column],
    sensitive: Sequence[str],
    secrets: Sequence[Ints],
    policy: Policy,
    content: Ints,
    kept: Ints,
    shown: Levels,
) -> Anonymised:
    looks = [
        column.paths[column.ids[kept]] & np.array(column.masks)[shown[:, place]]
        for place, column in enumerate(columns)
    ]
    order = _by_content(looks, columns, [values[kept] for values in secrets])
    kept, shown = kept[order], shown[order]
    arrays: dict[str, Any] = {}
    for place, column in enumerate(columns):
        arrays |= dict(zip(column.written, write(column, shown[:, place], kept), strict=True))
    for name in sensitive:
        arrays[name] = table[name].take(pa.array(content[kept]))
    released = pa.table(arrays)
    levels = {column.name: column.written for column in columns}
    names = tuple(itertools.chain.from_iterable(levels.values()))
    checked = check(released, names, sensitive)
    if not checked.holds(policy.k, policy.l):
        raise RuntimeError(
            f"a class of {checked.min_class} records with {checked.min_l} sensitive values came out: "
            "nothing is released; this is a fault of counterflow.disclosure"
        )
    report = utility(table, columns, kept, shown, policy)
    return Anonymised(released, content[kept], table.num_rows - len(kept), levels, report, checked)


def _refuse_if_wrong(
    table: pa.Table, quasi_identifiers: Sequence[str], sensitive: Sequence[str], policy: Policy
) -> None:
    named = [*quasi_identifiers, *sensitive]
    absent = sorted(set(named) - set(table.column_names))
    if absent:
        raise DisclosureRefused(f"the table has no column {', '.join(absent)}")
    if not quasi_identifiers:
        raise DisclosureRefused(
            "no quasi-identifier is named: say which columns an outsider could know"
        )
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise DisclosureRefused(
            f"{', '.join(twice)} is named twice: a column is quasi-identifier or sensitive"
        )
    if table.num_rows < policy.k:
        raise DisclosureRefused(
            f"fewer than k = {policy.k} records: nothing can be released of so few"
        )
