"""Debian's PostgreSQL in a cluster of its own, which asks for a password.

It refuses to run as root, so root starts it as the user `postgres` of its package. `server.database(name)` makes
a database with an owner of the same name; `server.restart()` is what an upgrade does to it in the night.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.running import HOST, ROOT, folder, free_port

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))


@dataclass(frozen=True)
class Postgres:
    """What a client must know; `user` may all."""

    host: str
    port: int
    user: str
    password: str
    home: Path

    def database(self, name: str) -> str:
        """A database and a role that owns it; the role's password."""
        password = secrets.token_hex(16)
        self.run(f"create role {name} login password '{password}'")
        self.run(f"create database {name} owner {name}")
        return password

    def run(self, text: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement of the superuser."""
        import psycopg2

        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def restart(self) -> None:
        """Every session is thrown out, and the server back."""
        _as_postgres(BIN[-1] / "pg_ctl", "-D", self.home / "data", "-m", "fast", "-w", "restart")


def needs_postgres() -> pytest.MarkDecorator:
    """Skip where PostgreSQL is missing and cannot be installed."""
    missing = not BIN or (ROOT and shutil.which("runuser") is None)
    if missing and ROOT and shutil.which("apt-get"):
        pytest.fail("postgresql missing: run `make servers`", pytrace=False)
    return pytest.mark.skipif(missing, reason="needs postgresql on this machine")


@contextmanager
def postgres(port: int | None = None) -> Iterator[Postgres]:
    """A running server with one superuser."""
    port = port or free_port()
    with folder() as home:
        password = secrets.token_hex(16)
        (home / "password").write_text(password)
        if ROOT:
            for path in (home, home / "password"):
                shutil.chown(path, "postgres")
        _as_postgres(
            BIN[-1] / "initdb", "-D", home / "data", "-U", "admin", "-A", "scram-sha-256",
            f"--pwfile={home / 'password'}", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        options = (
            f"-c listen_addresses={HOST} -c port={port} -c unix_socket_directories={home} "
            "-c fsync=off -c shared_buffers=32MB -c max_connections=100"
        )
        _as_postgres(
            BIN[-1] / "pg_ctl",
            "-D",
            home / "data",
            "-o",
            options,
            "-l",
            home / "log",
            "-w",
            "start",
        )
        try:
            yield Postgres(HOST, port, "admin", password, home)
        finally:
            with suppress(subprocess.CalledProcessError):
                _as_postgres(BIN[-1] / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")


def _as_postgres(*command: object) -> None:
    arguments = [*(["runuser", "-u", "postgres", "--"] if ROOT else []), *map(str, command)]
    done = subprocess.run(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=os.sep, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
