"""Counts that may be published side by side.

In: records of contributors, the tables wanted, a release's own key. Out: `ProtectedTable`s whose
cells agree wherever they count the same contributors; a cell below the minimum is null.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import duckdb
import pyarrow as pa

from counterflow.disclosure.policy import FLOOR_K, DisclosureRefused

ROUND_TO = 5
ProtectionMethod = Literal["cell_key", "rounding"]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: contributors by `dimensions`, of those that `where` (column = value) selects."""

    name: str
    dimensions: tuple[str, ...]
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProtectedTable:
    """The protected counts: one row per cell that anyone is in, `count` null if it is withheld.

    Margins are rows too: `<dimension>_is_total` is true where the row is over all of its values.
    """

    spec: TableSpec
    table: pa.Table
    method: ProtectionMethod
    minimum: int
    withheld: int


def protect(
    records: pa.Table,
    tables: Sequence[TableSpec],
    method: ProtectionMethod,
    key: bytes,
    *,
    contributor: str = "case_key",
    minimum: int = FLOOR_K,
) -> list[ProtectedTable]:
    """Protect the counts of distinct `contributor`s. `key` is the release's own, 16 bytes or more."""
    if minimum < FLOOR_K:
        raise DisclosureRefused(
            f"a minimum cell of {minimum} is below the floor: use {FLOOR_K} or more"
        )
    if len(key) < 16:
        raise DisclosureRefused("the release's key is too short: 16 bytes or more")
    made = []
    with duckdb.connect() as connection:
        connection.register("records", records)
        for spec in tables:
            made.append(_protected(connection, spec, method, contributor, minimum))
    return made


def _protected(
    connection: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    method: ProtectionMethod,
    contributor: str,
    minimum: int,
) -> ProtectedTable:
    chosen = " and ".join(f"{_name(c)} = ?" for c in spec.where) or "true"
    dimensions = ", ".join(map(_name, spec.dimensions))
    totals = "".join(
        f"grouping({_name(d)}) = 1 as {_name(d + '_is_total')}, " for d in spec.dimensions
    )
    table = connection.execute(
        f"""
        select * exclude (n),
            case when n >= {minimum} then cast({ROUND_TO} * round(n / {ROUND_TO}) as bigint) end as count
        from (
            select {dimensions}, {totals} count(distinct {_name(contributor)}) as n
            from records where {chosen} group by cube ({dimensions})
        ) order by all
        """,
        list(spec.where.values()),
    ).to_arrow_table()
    return ProtectedTable(spec, table, method, minimum, table["count"].null_count)


def record_key(key: bytes, contributor: str) -> int:
    """32 bits of the keyed hash of a contributor."""
    return int.from_bytes(hmac.digest(key, contributor.encode(), hashlib.sha256)[:4], "big")


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
