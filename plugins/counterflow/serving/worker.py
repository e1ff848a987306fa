"""One analyst's DuckDB over one publication, in a process of its own that the server ends when it must.

In: a line of JSON on standard input (the secret between server and worker, and the limits). Out: the port that it
listens on, as a line on standard output; then it serves until its standard input is closed. Nothing of it is in
arguments or the environment. It is reached on this machine only, and by who knows the secret.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import socket
import sys

import duckdb

from counterflow import shell
from counterflow.settings import Settings

_DEATH_OF_PARENT = 1  # prctl's PR_SET_PDEATHSIG


def main() -> None:
    """Serve what is published at this moment."""
    ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    told = json.loads(sys.stdin.readline())
    limit = int(told["memory"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = shell.unlocked(Settings.from_env(), ("httpfs", "quack"), True)
    connection.execute(f"set memory_limit = '{limit}B'")
    connection.execute(f"set threads = {int(told['threads'])}")
    connection.execute("set max_temp_directory_size = '0B'")  # more is refused, not written
    _name(connection)
    port = _listen(connection, told["secret"])
    shell.lock(connection)
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()


def _name(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a client see the tables without the database's name: as `core.fct_case`, and as `fct_case`.

    The second is what DuckDB 1.5's client asks for when somebody reads an attached `w.core.fct_case`: it forgets the
    schema. So of tables with one name (core and history have the same) only one is told to it, or it would read core
    where history was asked for; the others are read as they are written, with `w.query('from history.fct_case')`.
    """
    used = "select current_database()"
    home = connection.cursor().execute(used).fetchall()[0][0]  # where a client's connection begins
    database = connection.execute(used).fetchall()[0][0]
    named = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = $1 union all "
        "select schema_name, view_name from duckdb_views() where database_name = $1 and not internal",
        [database],
    ).fetchall()
    told: dict[str, str] = {}
    for schema, table in sorted(named, key=lambda one: (one[0] != "core", *one)):
        connection.execute(f'create schema if not exists {home}."{schema}"')
        for place in {schema, "main"} if table not in told else {schema}:
            connection.execute(
                f'create view {home}."{place}"."{table}" as from {database}."{schema}"."{table}"'
            )
        told.setdefault(table, schema)
    known = ", ".join(f"'{schema}.{table}'" for table, schema in told.items()) or "''"
    for function, name in (("duckdb_tables", "table_name"), ("duckdb_views", "view_name")):
        connection.execute(
            f"create macro {home}.main.{function}() as table from system.main.{function}() "
            f"where schema_name || '.' || {name} in ({known})"
        )


def _listen(connection: duckdb.DuckDBPyConnection, secret: str) -> int:
    """Serve on a free port of this machine; which."""
    for _ in range(20):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        try:
            connection.execute(
                f"call quack_serve('quack:127.0.0.1:{port}', token => ?)", [secret]
            ).fetchall()
        except duckdb.IOException:  # somebody took the port in between
            continue
        return port
    raise OSError("no free port on 127.0.0.1")


if __name__ == "__main__":
    main()
