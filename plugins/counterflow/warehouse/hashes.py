"""Content hashes of a warehouse's tables: equal if and only if the rows are, in whatever order."""

from __future__ import annotations

import duckdb

PUBLIC = ("core", "analysis", "quality", "history")


def content_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, str]]:
    """`schema.table` → (rows, hash) of every published table in the database that is used.

    The hash is of columns, types and comments (a caveat that is lost is a change), and the sum of the md5 numbers of the rows as text: independent of their order,
    and of how often a file was rewritten; it counts a row twice that stands twice.
    """
    described = dict(
        connection.execute(
            "select t.schema_name || '.' || t.table_name, md5(coalesce(any_value(t.comment), '') || "
            "string_agg(c.column_name || ' ' || c.data_type || ' ' || coalesce(c.comment, ''), ';' "
            "order by c.column_index)) from duckdb_tables() as t join duckdb_columns() as c "
            "using (database_name, schema_name, table_name) "
            "where database_name = current_database() group by all"
        ).fetchall()
    )
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = current_database() and list_contains(?, schema_name) order by all",
        [list(PUBLIC)],
    ).fetchall()
    hashes = {}
    for schema, table in tables:
        found = connection.execute(
            f"select count(*), coalesce(sum(md5_number_lower(t::varchar)::hugeint), 0) "
            f'from "{schema}"."{table}" as t'
        ).fetchone()
        assert found is not None
        hashes[f"{schema}.{table}"] = (
            int(found[0]),
            f"{int(found[1]):032x}-{described[f'{schema}.{table}'][:8]}",
        )
    return hashes
