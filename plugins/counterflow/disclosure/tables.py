"""Counts that may be published side by side, and cannot be subtracted from each other.

In: records of contributors, the tables wanted, a release's own key. Out: `ProtectedTable`s.

A cell is a set of conditions (`gender = feminine`, `registration_year = 2008`), whatever table it
stands in: margins are cells like others, and the same cell has the same count in every table. It is
changed a little (cell key) or rounded, and it is null if fewer than the minimum are in it before or
after. `auditing.py` then withholds further cells until nobody can narrow down a small group by
subtracting published cells.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb
import pyarrow as pa

from counterflow.disclosure.auditing import Cell, Conditions, withhold_derivable
from counterflow.disclosure.policy import FLOOR_K, DisclosureRefused

Method = Literal["cell_key", "rounding"]

ROUND_TO = 5
LARGEST_GRID = 1_000_000  # rows of one table

# Version 1: how many of 256 cell keys change a count by how much. Symmetric, so of mean zero;
# variance 5.04, never more than 5. A version is never changed; another gets another number.
PERTURBATION_VERSION = 1
_PERTURBATION = {0: 46, 1: 41, 2: 29, 3: 18, 4: 11, 5: 6}
PERTURBATIONS: tuple[int, ...] = tuple(
    sorted(
        change
        for size, times in _PERTURBATION.items()
        for change in {size, -size}
        for _ in range(times)
    )
)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: contributors by `dimensions`, of those that `where` (column = value) selects."""

    name: str
    dimensions: tuple[str, ...]
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProtectedTable:
    """The protected counts of a table and of all its margins.

    `table` has a row for every combination of values that some published cell has: the dimensions, `<dimension>_is_total` (true: over all its values), and `count`. A null count is a
    cell of fewer than `minimum` contributors, of none, or one that would give such a cell away: the
    three cannot be told apart. `withheld` counts the null rows.
    """

    spec: TableSpec
    table: pa.Table
    method: Method
    minimum: int
    withheld: int


def protect(
    records: pa.Table,
    tables: Sequence[TableSpec],
    method: Method,
    key: bytes,
    *,
    contributor: str = "case_key",
    minimum: int = FLOOR_K,
) -> list[ProtectedTable]:
    """Protect the counts of distinct `contributor`s; all tables of a release in one call.

    `key` is the release's own secret, 16 bytes or more. `records` may hold several rows of a
    contributor (one per exploitation, say); a contributor counts once in a cell.
    """
    _refuse_if_wrong(records, tables, method, key, contributor, minimum)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.register("records", _keyed(records, contributor, key))
        implied = _implied(connection, tables)
        cells: dict[Conditions, Cell] = {}
        places: list[dict[tuple[Any, ...], Conditions]] = []
        steps: list[tuple[Conditions, str, Conditions]] = []
        for spec in tables:
            places.append({})
            for point, conditions, members, cell_key in _counted(connection, spec, contributor):
                whole = _closed(conditions, implied)
                if whole not in cells:
                    cells[whole] = _protected(members, cell_key, method, key, minimum)
                places[-1][point] = whole
                steps += [
                    (_closed(conditions - {(d, value)}, implied), d, whole)
                    for d, value in conditions
                    if d in spec.dimensions
                ]
    withhold_derivable(cells, steps, minimum)
    return [
        _written(spec, records, place, cells, method, minimum)
        for spec, place in zip(tables, places, strict=True)
    ]


def perturbation(cell_key: int, key: bytes) -> int:
    """What the version's table adds to a count: the same contributors, the same change."""
    digest = hmac.digest(key, b"perturbation" + cell_key.to_bytes(8, "big"), hashlib.sha256)
    return PERTURBATIONS[digest[0]]


def record_key(contributor: str, key: bytes) -> int:
    """64 bits of the contributor's keyed hash; never a counter, which would say who came when."""
    digest = hmac.digest(key, b"record" + contributor.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big")


def _protected(members: int, cell_key: int, method: Method, key: bytes, minimum: int) -> Cell:
    """A cell with what is published of it, and what an outsider then knows of its true count."""
    if method == "cell_key":
        value = members + perturbation(cell_key, key)
        reach = max(PERTURBATIONS)
    else:
        value = ROUND_TO * ((members + ROUND_TO // 2) // ROUND_TO)
        reach = ROUND_TO // 2
    if min(members, value) >= minimum:
        return Cell(members, value, max(minimum, value - reach), value + reach)
    return Cell(members, None, 1, minimum - 1 + reach)


def _keyed(records: pa.Table, contributor: str, key: bytes) -> pa.Table:
    column = records[contributor].combine_chunks().dictionary_encode()
    keys = pa.array([record_key(str(c), key) for c in column.dictionary.to_pylist()], pa.uint64())
    return records.append_column("record_key", keys.take(column.indices))


def _counted(
    connection: duckdb.DuckDBPyConnection, spec: TableSpec, contributor: str
) -> list[tuple[tuple[Any, ...], Conditions, int, int]]:
    """(place in the table, conditions, contributors, cell key) of every cell and margin."""
    chosen = " and ".join(f"{_name(c)} is not distinct from ?" for c in spec.where) or "true"
    names = [_name(d) for d in spec.dimensions]
    totals = "".join(f"grouping({name}) = 1, " for name in names)
    dimensions = "".join(f"{name}, " for name in names)
    grouping = f"group by cube ({', '.join(names)})" if names else ""
    rows = connection.execute(
        f"select {dimensions} {totals} count(distinct {_name(contributor)}), "
        f"coalesce(bit_xor(distinct record_key), 0) from records where {chosen} {grouping}",
        list(spec.where.values()),
    ).fetchall()
    found = []
    for row in rows:
        values, flags = row[: len(names)], row[len(names) : 2 * len(names)]
        members, cell_key = row[-2:]
        if members == 0:
            continue
        shown = {
            d: v for d, v, total in zip(spec.dimensions, values, flags, strict=True) if not total
        }
        found.append(
            ((*values, *flags), frozenset((shown | dict(spec.where)).items()), members, cell_key)
        )
    return found


def _implied(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSpec]
) -> dict[tuple[str, Any], frozenset[tuple[str, Any]]]:
    """Conditions that follow from a condition: age band 9-17 implies that one is a minor.

    Cells that say the same in other words are one cell, and a part in other words is a part.
    """
    columns = sorted({c for spec in tables for c in (*spec.dimensions, *spec.where)})
    implied: dict[tuple[str, Any], set[tuple[str, Any]]] = {}
    for fine, coarse in itertools.permutations(columns, 2):
        rows = connection.execute(
            f"select {_name(fine)}, any_value({_name(coarse)}) from records group by 1 "
            f"having count(distinct {_name(coarse)}) = 1 and count(*) = count({_name(coarse)})"
        ).fetchall()
        for value, follows in rows:
            implied.setdefault((fine, value), set()).add((coarse, follows))
    return {condition: frozenset(others) for condition, others in implied.items()}


def _closed(
    conditions: Conditions, implied: Mapping[tuple[str, Any], frozenset[tuple[str, Any]]]
) -> Conditions:
    """The conditions and all that follow from one of them."""
    return conditions.union(*(implied.get(c, frozenset()) for c in conditions))


def _written(
    spec: TableSpec,
    records: pa.Table,
    place: Mapping[tuple[Any, ...], Conditions],
    cells: Mapping[Conditions, Cell],
    method: Method,
    minimum: int,
) -> ProtectedTable:
    """The grid of all values that some published cell has; others are not named at all."""
    size = len(spec.dimensions)
    axes: list[list[tuple[Any, bool]]] = []
    for at in range(size):
        seen = {
            point[at]
            for point, conditions in place.items()
            if not point[size + at] and cells[conditions].published is not None
        }
        values = sorted(seen, key=lambda v: (v is None, str(v)))
        axes.append([*((value, False) for value in values), (None, True)])
    if math.prod(map(len, axes)) > LARGEST_GRID:
        raise DisclosureRefused(
            f"table {spec.name} would have more than {LARGEST_GRID:,} cells: use fewer dimensions"
        )
    points = [
        (*(value for value, _ in combination), *(total for _, total in combination))
        for combination in itertools.product(*axes)
    ]
    counts = [cells[place[point]].published if point in place else None for point in points]
    types = [records.schema.field(d).type for d in spec.dimensions]
    arrays = {d: pa.array([p[i] for p in points], types[i]) for i, d in enumerate(spec.dimensions)}
    arrays |= {
        f"{d}_is_total": pa.array([p[size + i] for p in points], pa.bool_())
        for i, d in enumerate(spec.dimensions)
    }
    table = pa.table(arrays | {"count": pa.array(counts, pa.int64())})
    return ProtectedTable(spec, table, method, minimum, counts.count(None))


def _refuse_if_wrong(
    records: pa.Table,
    tables: Sequence[TableSpec],
    method: str,
    key: bytes,
    contributor: str,
    minimum: int,
) -> None:
    if method not in ("cell_key", "rounding"):
        raise DisclosureRefused(f"no method {method}: use cell_key or rounding")
    if minimum < FLOOR_K:
        raise DisclosureRefused(
            f"a minimum cell of {minimum} is below the floor: use {FLOOR_K} or more"
        )
    if len(key) < 16:
        raise DisclosureRefused("the release's key is too short: 16 bytes or more")
    wanted = {contributor, *(c for spec in tables for c in (*spec.dimensions, *spec.where))}
    absent = sorted(wanted - set(records.column_names))
    if absent:
        raise DisclosureRefused(f"the records have no column {', '.join(absent)}")
    if records[contributor].null_count:
        raise DisclosureRefused(f"{records[contributor].null_count} records have no {contributor}")


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
