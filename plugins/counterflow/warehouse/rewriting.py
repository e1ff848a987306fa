"""A DuckDB file copied whole into a new one: between encrypted and plain, with rows or values changed.

In: a file that nobody writes. Out: a new file with the same schemas, tables (comments, constraints, order
of rows), views and macros, checkpointed. DuckDB keeps the bytes of deleted rows in a file's free blocks:
what must be gone is not deleted, but left out of a copy that takes the file's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from counterflow.sealing import Seal

SAME: Final = "same"  # encrypted or plain as the source is


def rewrite(
    seal: Seal,
    source: Path,
    target: Path,
    keep: Mapping[str, str] | None = None,
    become: Mapping[str, Mapping[str, str]] | None = None,
    *,
    purpose: str | None = SAME,
    old: Seal | None = None,
) -> None:
    """Copy the file at `source` to `target`; what stood there is replaced. The caller renames.

    `keep`: `"schema"."table"` → the condition (SQL, of `t`) of the rows that stay. `become`: a column's
    name → old value → new value, wherever a table has the column; other values stay. `purpose`: whose
    key seals the copy, None: none. `old`: the seal of the source, if it is another.
    """
    keep, become = keep or {}, become or {}
    remove(target)
    with seal.connect() as connection:
        was = (old or seal).attach(connection, source, "source")
        seal.attach(connection, target, "target", False, was if purpose == SAME else purpose)
        if keep or become:
            connection.execute("copy from database source to target (schema)")
            _copy_rows(connection, keep, become)
        else:
            connection.execute("copy from database source to target")
        connection.execute("checkpoint target")
        connection.execute("detach target")


def remove(path: Path) -> None:
    """A DuckDB file, and what a killed writer leaves beside it."""
    for name in (path.name, f"{path.name}.wal"):
        path.with_name(name).unlink(missing_ok=True)


def _copy_rows(
    connection: duckdb.DuckDBPyConnection,
    keep: Mapping[str, str],
    become: Mapping[str, Mapping[str, str]],
) -> None:
    """Every table's rows, in their order."""
    for column, values in become.items():
        pairs = {"old": list(values), "new": list(values.values())}
        connection.register(
            "pairs", pa.table({n: pa.array(v, pa.string()) for n, v in pairs.items()})
        )
        connection.execute(f'create table memory.main."{column}" as select * from pairs')
        connection.unregister("pairs")
    tables: dict[str, list[str]] = {}
    for schema, table, column in connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() join duckdb_tables() "
        "using (database_name, schema_name, table_name) where database_name = 'source' order by all"
    ).fetchall():
        tables.setdefault(f'"{schema}"."{table}"', []).append(column)
    if strange := keep.keys() - tables.keys():
        raise ValueError(f"the file has no table {', '.join(sorted(strange))}")
    for table, columns in tables.items():
        changed = ", ".join(_new_value(column) for column in columns if column in become)
        connection.execute(
            f"insert into target.{table} select t.* {f'replace ({changed})' if changed else ''} "
            f"from source.{table} as t where {keep.get(table, 'true')} order by t.rowid"
        )


def _new_value(column: str) -> str:
    new = f'select any_value(pairs.new) from memory.main."{column}" as pairs'
    return f'coalesce(({new} where pairs.old = t."{column}"), t."{column}") as "{column}"'
