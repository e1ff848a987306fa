"""Answers: what a query gives, and the caveats of the tables that it asks.

In: a connection to the published warehouse, a query. Out: an `Answer`; the same for the same warehouse, because one
thread of DuckDB adds in one order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from counterflow import sealing
from counterflow.settings import Settings

# Counts that say who is in a rate and who is not, in the order in which they are drawn.
PARTS = ("numerator", "others", "unknown", "not_asked", "left_out", "not_applicable")
_PSEUDONYMS = frozenset({"case_key", "into_case_key"})
_RENAMED = re.compile(rf"\b(denominator|{'|'.join(PARTS)}) as (\w+)")
_TABLE = re.compile(r"\b((?:core|analysis|quality|history)\.[a-z_0-9]+)")


class SiteRefusedError(Exception):
    """A site that cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query, and the tables that it names."""

    query: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    tables: tuple[str, ...]

    @property
    def records(self) -> list[dict[str, Any]]:
        """A dictionary a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def has(self, *columns: str) -> bool:
        """Whether it has all these columns."""
        return set(columns) <= set(self.columns)


@contextmanager
def opened(warehouse: Path, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published warehouse, read-only, which reads no other file and no network."""
    if not warehouse.is_file():
        raise SiteRefusedError(f"there is no warehouse at {warehouse}: run `counterflow nightly`")
    with sealing.published(warehouse, settings) as connection:
        connection.execute("set threads = 1")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> Answer:
    """What `query` gives. Raises SiteRefusedError if it would show a case's pseudonym."""
    result = connection.execute(query)
    columns = tuple(str(name) for name, *_ in result.description or ())
    if shown := _PSEUDONYMS.intersection(columns):
        raise SiteRefusedError(f"a query of the site shows {', '.join(shown)}: ask without it")
    tables = tuple(dict.fromkeys(_TABLE.findall(query)))
    return Answer(query, columns, tuple(result.fetchall()), tables)


def parts(answer: Answer, record: Mapping[str, Any]) -> dict[str, int] | None:
    """Of how many cases a rate's row is, and who is in none: None if the row does not say."""
    names = {name: name for name in ("denominator", *PARTS)} | dict(_RENAMED.findall(answer.query))
    yes, known = record.get(names["numerator"]), record.get(names["denominator"])
    if yes is None or known is None:
        return None
    said = {"numerator": int(yes), "others": int(known) - int(yes)}
    said |= {name: int(record.get(names[name]) or 0) for name in PARTS[2:]}
    return {name: count for name, count in said.items() if count > 0}
