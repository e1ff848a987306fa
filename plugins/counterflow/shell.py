"""SQL on the published warehouse, read-only: one query, or a prompt.

In: a query. Out: its rows as a table or as JSON. The file is opened read-only and the connection
may read nothing else: no other file, no network.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import duckdb

from counterflow import sealing
from counterflow.display import rows_table
from counterflow.settings import Settings


class QueryRefusedError(Exception):
    """A query that cannot be run; DuckDB's own words about it."""


def connect(settings: Settings, extensions: tuple[str, ...] = ()) -> duckdb.DuckDBPyConnection:
    """The published warehouse, read-only and locked in. Raises QueryRefusedError if there is none."""
    connection = unlocked(settings, extensions)
    lock(connection)
    return connection


def unlocked(
    settings: Settings, extensions: tuple[str, ...] = (), attached: bool = False
) -> duckdb.DuckDBPyConnection:
    """The same while its settings may still be changed: `lock` it before a query of somebody else's runs.

    `attached`: never as the first database of the connection, so that there is room for views beside it.
    """
    if settings.warehouse_shape == "ducklake":
        from counterflow.warehouse import lake

        return lake.opened(settings, extensions)
    path = settings.warehouse / "warehouse.duckdb"
    if not path.exists():
        raise QueryRefusedError(f"there is no warehouse at {path} yet: run `counterflow nightly`")
    if attached and not sealing.is_sealed(path):
        connection = duckdb.connect(config=sealing.CONFIG)
        quoted = str(path).replace("'", "''")
        connection.execute(f"attach '{quoted}' as warehouse (read_only)")
        connection.execute("use warehouse")
    else:
        connection = sealing.published(path, settings)
    for name in extensions:
        sealing.load(connection, name)
    return connection


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on it reads no file and no network, and its settings stay as they are."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def run(settings: Settings, query: str | None, as_json: bool) -> None:
    """Print the answer to `query`; without one, read queries from a prompt until it is left."""
    with connect(settings) as connection:
        if query is not None:
            _answer(connection, query, as_json)
            return
        if sys.stdin.isatty():
            print("Counterflow, read-only. End a query with a semicolon; leave with Ctrl-D.")
        for text in _queries():
            try:
                _answer(connection, text, as_json)
            except QueryRefusedError as refused:
                print(f"counterflow: {refused}", file=sys.stderr)


def _queries() -> Iterator[str]:
    """Queries from standard input: all at once from a pipe, line by line from a person."""
    if not sys.stdin.isatty():
        yield from (text for text in sys.stdin.read().split(";") if text.strip())
        return
    lines: list[str] = []
    while True:
        try:
            lines.append(input("counterflow> " if not lines else "        ...> "))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []


def _answer(connection: duckdb.DuckDBPyConnection, query: str, as_json: bool) -> None:
    try:
        result = connection.execute(query)
        names = [column[0] for column in result.description or []]
        rows = result.fetchall()
    except duckdb.Error as error:
        raise QueryRefusedError(str(error)) from None
    if as_json:
        print(
            json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, indent=1)
        )
    else:
        rows_table(names, rows)
