"""Content hashes of a warehouse's tables: equal if and only if the rows are, in whatever order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from counterflow.warehouse.abreast import abreast

PUBLIC = ("core", "analysis", "quality", "history")
# How rows become text: a hash of another release cannot be compared with one of this.
KIND = "2"
_BETWEEN, _NULL = "chr(31)", "chr(30)"  # what no value holds: ingest takes control characters out


def content_hashes(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, tuple[int, str]] | None = None
) -> dict[str, tuple[int, str]]:
    """`schema.table` → (rows, hash) of every published table in the database that is used.

    The hash is of columns, types and comments (a caveat that is lost is a change), and the sum of the md5 numbers of the rows as text: independent of their order,
    and of how often a file was rewritten; it counts a row twice that stands twice. What is `known` is not computed again.
    """
    tables = connection.execute(
        "select t.schema_name, t.table_name, md5(coalesce(any_value(t.comment), '') || "
        "string_agg(c.column_name || ' ' || c.data_type || ' ' || coalesce(c.comment, ''), ';' "
        "order by c.column_index)), list(c.column_name order by c.column_index) "
        "from duckdb_tables() as t join duckdb_columns() as c "
        "using (database_name, schema_name, table_name) "
        "where database_name = current_database() and list_contains(?, schema_name) "
        "group by all order by all",
        [list(PUBLIC)],
    ).fetchall()
    hashes = dict(known or {})
    asked = [one for one in tables if f"{one[0]}.{one[1]}" not in hashes]
    found = abreast(connection, lambda own, t: summed(own, f'"{t[0]}"."{t[1]}"', t[3]), asked)
    for (schema, table, described, _), (rows, total) in zip(asked, found, strict=True):
        hashes[f"{schema}.{table}"] = (rows, f"{KIND}-{total:032x}-{described[:8]}")
    return hashes


def summed(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str]
) -> tuple[int, int]:
    """How many rows `source` has (SQL, as it stands after `from`), and the sum of their md5 numbers."""
    found = connection.execute(
        f"select count(*), coalesce(sum({number(columns)}), 0) from {source}"
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def number(columns: Sequence[str]) -> str:
    """The md5 number of a row, as SQL."""
    row = ", ".join(f'coalesce("{column}"::varchar, {_NULL})' for column in columns)
    # The upper half of it: `md5_number_lower` computes each md5 twice in a sum.
    return f"(md5_number(concat_ws({_BETWEEN}, {row})) >> 64)::hugeint"


def replaced(was: tuple[int, str], out: tuple[int, int], put: tuple[int, int]) -> tuple[int, str]:
    """Rows and hash of a table in which rows were replaced, of what it was and of both as `summed`."""
    kind, total, described = was[1].split("-")
    now = int(total, 16) - out[1] + put[1]
    return was[0] - out[0] + put[0], f"{kind}-{now:032x}-{described}"


def comparable(digest: str) -> bool:
    """False for a hash that a release made which turned rows into text otherwise."""
    return digest.startswith(f"{KIND}-")


def same_rows(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> bool:
    """Whether the published tables of two attached databases have the same columns, comments and rows, in whatever order.

    By DuckDB's own hash of each row: it tells a copy that went wrong, ten times as fast as md5, and not one that somebody forged.
    """
    found = []
    for database in (one, other):
        tables = connection.execute(
            "select schema_name, table_name, any_value(t.comment), "
            "list([c.data_type, c.comment] order by c.column_index), list(c.column_name order by c.column_index) "
            "from duckdb_tables() as t join duckdb_columns() as c using (database_name, schema_name, table_name) "
            "where database_name = ? and list_contains(?, schema_name) group by all order by all",
            [database, list(PUBLIC)],
        ).fetchall()
        rows = abreast(
            connection,
            lambda own, query: own.execute(query).fetchone(),
            [
                f"select count(*), sum(hash({', '.join(_quoted(columns))})::hugeint) "
                f'from {database}."{schema}"."{table}"'
                for schema, table, *_, columns in tables
            ],
        )
        found.append((tables, rows))
    return found[0] == found[1]


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]
