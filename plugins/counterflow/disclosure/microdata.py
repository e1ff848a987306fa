"""Records that may leave: coarsened or suppressed cell by cell until no one stands out.

In: a table of cases, its quasi-identifiers, its sensitive columns, a `Policy`. Out: an `Anonymised`
with the released rows in an order that says nothing, and what was lost. The result is checked in
SQL before it is handed on; a class below k is an error of the program and nothing is released.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.disclosure import lattice
from counterflow.disclosure.checking import Check, check
from counterflow.disclosure.encoding import Column, Ints, encode, numbered, pack, write
from counterflow.disclosure.policy import DisclosureRefused, Policy
from counterflow.disclosure.utility import Utility, utility


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
    codes, shifted = pack(columns)
    secrets = [numbered(table[name])[0] for name in sensitive]
    nodes = _nodes(columns, policy)
    masks = [sum(m[level] for m, level in zip(shifted, node, strict=True)) for node in nodes]
    released = lattice.cover(codes, secrets, masks, policy.k, policy.l)
    kept = np.flatnonzero(released >= 0)
    shown = np.array(nodes, np.int64)[released[kept]]
    return _written(table, columns, sensitive, policy, kept, shown)


def _nodes(columns: Sequence[Column], policy: Policy) -> list[tuple[int, ...]]:
    """Every combination of levels, those that show most first."""
    scores = [[policy.weight(c.name) * worth for worth in c.worth] for c in columns]
    every = itertools.product(*(range(len(s)) for s in scores))
    return sorted(
        every, key=lambda n: (-sum(s[level] for s, level in zip(scores, n, strict=True)), n)
    )


def _written(
    table: pa.Table,
    columns: Sequence[Column],
    sensitive: Sequence[str],
    policy: Policy,
    kept: Ints,
    shown: Ints,
) -> Anonymised:
    arrays: dict[str, Any] = {}
    for place, column in enumerate(columns):
        arrays |= dict(zip(column.written, write(column, shown[:, place], kept), strict=True))
    for name in sensitive:
        arrays[name] = table[name].take(pa.array(kept))
    released = pa.table(arrays)
    order = np.lexsort([numbered(released[name])[0] for name in reversed(released.column_names)])
    released, kept, shown = released.take(pa.array(order)), kept[order], shown[order]
    levels = {column.name: column.written for column in columns}
    names = tuple(itertools.chain.from_iterable(levels.values()))
    checked = check(released, names, sensitive)
    if not checked.holds(policy.k, policy.l):
        raise RuntimeError(
            f"a class of {checked.min_class} records with {checked.min_l} sensitive values came out: "
            "nothing is released; this is a fault of counterflow.disclosure"
        )
    report = utility(table, columns, kept, shown, policy)
    return Anonymised(released, kept, table.num_rows - len(kept), levels, report, checked)


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
