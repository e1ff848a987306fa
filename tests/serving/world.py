"""A home with a publication and no pipeline behind it, a server over it, and clients that are processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

COMMAND = Path(sys.executable).with_name("counterflow")
CLIENT = """
import json, sys, duckdb, duckdb_extension_httpfs, duckdb_extension_quack
from pathlib import Path
def extension(module, name):
    return str(Path(module.__file__).parent / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension")
told = json.loads(sys.stdin.readline())
# it would write into what is read here, when something takes two seconds
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute("set enable_progress_bar = false")
connection.execute(f"load '{extension(duckdb_extension_httpfs, 'httpfs')}'")
connection.execute(f"load '{extension(duckdb_extension_quack, 'quack')}'")
def answer(one):
    try:
        return connection.execute(one).fetchall()
    except duckdb.Error as error:
        return str(error)
print(json.dumps(answer(f"attach 'quack:localhost:{told['port']}' as w (type quack, token '{told['token']}')")), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=str), flush=True)
"""


class Home:
    """`publish(n)` replaces what is published by n cases of night n, as a night does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {
            **os.environ,
            "COUNTERFLOW_HOME": str(path),
            "COUNTERFLOW_EXPORTS": str(path / "exports"),
        }
        (path / "warehouse").mkdir(parents=True)

    def publish(self, cases: int) -> None:
        aside = self.path / "warehouse" / f".{cases}.duckdb"
        with duckdb.connect(str(aside)) as made:
            made.execute("create schema core")
            made.execute(
                "create table core.fct_case as select range as case_key, 'MDA' as mission_code, "
                f"{cases} as publication from range({cases})"
            )
            made.execute("create schema history")
            made.execute("create table history.fct_case as select -1 as publication")
        os.replace(aside, self.path / "warehouse" / "warehouse.duckdb")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def token(self, name: str) -> str:
        done = self.run("serve", "tokens", "add", name)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def log(self) -> list[dict[str, object]]:
        lines: list[dict[str, object]] = []
        for file in sorted((self.path / "serve" / "audit").glob("*.jsonl")):
            assert file.stat().st_mode & 0o777 == 0o600
            lines += [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return lines

    @contextmanager
    def serving(self, *options: str) -> Iterator[int]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), *options],
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, server.stderr and server.stderr.read()
                time.sleep(0.1)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


class Client:
    """Another process with DuckDB in it, attached as `w`."""

    def __init__(self, port: int, token: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.attached = self._said({"port": port, "token": token})

    def ask(self, query: str) -> list[list[object]] | str:
        """Rows, or what DuckDB said instead."""
        return self._said(query)

    def remotely(self, query: str) -> list[list[object]] | str:
        """The query as it is, run by the server."""
        quoted = query.replace("'", "''")
        return self.ask(f"from w.query('{quoted}')")

    def _said(self, what: object) -> list[list[object]] | str:
        self.send(what)
        return self.receive()

    def send(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def receive(self) -> list[list[object]] | str:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
