"""SQL on the published warehouse, read-only: one query, or a prompt.

In: a query. Out: its rows as a table or as JSON. The file is opened read-only and the connection
may read nothing else: no other file, no network.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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


def run(settings: Settings, query: str | None, form: str, plain: bool = False) -> None:
    """Print the answer to `query` as `table`, `json` or `csv`; without one, read queries from a prompt until it is left.

    At a terminal that is Harlequin, where it is installed and the warehouse is a plain file, unless `plain`.
    """
    if (
        query is None
        and not plain
        and form == "table"
        and sys.stdin.isatty()
        and _harlequin(settings)
    ):
        return
    with connect(settings) as connection:
        if query is not None:
            _answer(connection, query, form)
            return
        for text in _queries(settings):
            try:
                if text.lstrip().startswith("."):
                    _command(connection, text.split())
                else:
                    _answer(connection, text, form)
            except QueryRefusedError as refused:
                print(f"counterflow: {refused}", file=sys.stderr)
            except KeyboardInterrupt:
                connection.interrupt()
                print("counterflow: interrupted", file=sys.stderr)


def _harlequin(settings: Settings) -> bool:
    """Hand over to Harlequin; whether it was there."""
    path = settings.warehouse / "warehouse.duckdb"
    found = shutil.which("harlequin")
    if found is None or settings.warehouse_shape != "file" or not path.exists():
        return False
    if sealing.is_sealed(path):  # its key would have to be an argument
        return False
    return (
        subprocess.run([found, "-a", "duckdb", "--read-only", str(path)], check=False).returncode
        == 0
    )


def _queries(settings: Settings) -> Iterator[str]:
    """Queries from standard input: all at once from a pipe, line by line from a person."""
    if not sys.stdin.isatty():
        yield from (text for text in _apart(sys.stdin.read()))
        return
    print(
        "Counterflow, read-only. End a query with a semicolon; .help says more; leave with Ctrl-D."
    )
    with _history(settings):
        yield from _typed()


def _typed() -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            lines.append(input("counterflow> " if not lines else "        ...> "))
        except EOFError:
            print()
            return
        except KeyboardInterrupt:  # what was begun is given up, as in other shells
            print()
            lines = []
            continue
        if len(lines) == 1 and lines[0].lstrip().startswith("."):
            if lines[0].strip() in (".quit", ".exit"):
                return
            yield lines.pop()
        elif lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
        elif not "".join(lines).strip():
            lines = []


def _apart(text: str) -> Iterator[str]:
    """The queries of a script. A semicolon within quotes or a comment ends none."""
    try:
        yield from (one.query for one in duckdb.extract_statements(text))
    except duckdb.Error as error:
        raise QueryRefusedError(str(error)) from None


@contextmanager
def _history(settings: Settings) -> Iterator[None]:
    """What was typed before, by the arrow keys; kept in the home of who types, for them alone."""
    del settings
    try:
        import readline
    except ImportError:
        yield
        return
    file = (
        Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "counterflow/sql"
    )
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(1000)
    try:
        yield
    finally:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            readline.write_history_file(file)


_TABLES = """
select schema_name as schema, table_name as "table", estimated_size as rows, comment from duckdb_tables()
where schema_name in ('core', 'analysis', 'quality', 'history') and database_name = current_database()
  and (schema_name = ? or ? is null) order by all
"""
_COLUMNS = """
select column_name as "column", data_type as type, comment from duckdb_columns()
where schema_name || '.' || table_name = ? and database_name = current_database() order by column_index
"""
_HELP = """\
.tables [SCHEMA]        the tables, their rows and what each holds
.columns SCHEMA.TABLE   its columns and what each means
.caveats                who is in the data and who is not
.help  .quit
A query may have several lines and ends with a semicolon. Everything is read-only."""


def _command(connection: duckdb.DuckDBPyConnection, words: list[str]) -> None:
    name, given = words[0], words[1] if len(words) > 1 else None
    if name == ".tables":
        _show(connection.execute(_TABLES, [given, given]), "table")
    elif name == ".columns" and given:
        _show(connection.execute(_COLUMNS, [given]), "table")
    elif name == ".caveats":
        _answer(connection, "from analysis.caveat", "table")
    else:
        print(_HELP)


def _answer(connection: duckdb.DuckDBPyConnection, query: str, form: str) -> None:
    try:
        _show(connection.execute(query), form)
    except duckdb.Error as error:
        raise QueryRefusedError(str(error)) from None


def _show(result: duckdb.DuckDBPyConnection, form: str) -> None:
    names = [column[0] for column in result.description or []]
    rows = result.fetchall()
    if form == "json":
        print(
            json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, indent=1)
        )
    elif form == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerows([names, *rows])
    else:
        rows_table(names, rows)
