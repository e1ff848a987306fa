"""Encryption at rest: the one door to landed Parquet and to the DuckDB files of the build.

In: Arrow tables and paths. Out: Parquet and DuckDB files that nobody opens without the master key,
and what is read from them. Each kind of file has a key of its own, derived from the master key.

DuckDB does the work (AES-GCM; OpenSSL comes with its extension `httpfs`, which is a package here and
not a download). A key is handed over as a parameter: it stands in no SQL text, so in no log and no
stored view, and what DuckDB says of a file that it cannot open is never passed on.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from counterflow import disk, keys
from counterflow.settings import Settings

LANDING: Final = "landing"  # Parquet: landing, verdicts, compiled contracts, dbt's sources
BUILD: Final = "build"  # the DuckDB files that dbt writes
PUBLISHED: Final = "published"  # what analysts open, where it is encrypted too
SPILL: Final = ".spill"  # folders for what does not fit into memory begin with this
AGENCY: Final = "agency"  # these keys are of no mission
# What read_parquet is given on a prepared connection. Never with union_by_name: DuckDB 1.5 then reads
# nothing encrypted (its issue 21508), so files that are read together must have the same columns.
KEY = f"encryption_config = struct_pack(footer_key := '{LANDING}')"
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # It would remember what a path held, and miss a file that was replaced within a tick of the clock.
    "enable_external_file_cache": "false",
    # DuckDB would hash the 20 MB of its extension for each connection (60 ms of a task that works
    # for a second); its hash was checked when it was installed, by `requirements.lock`.
    "allow_unsigned_extensions": "true",
}


_MEMORY: Final = "COUNTERFLOW_DUCKDB_MEMORY"  # what dbt's DuckDB may take, and every other
_UNITS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}
_LEAST: Final = 250 * 1000**2  # bytes: with less, not even a row group of a wide table is written


def memory(share: float = 1.0) -> str | None:
    """A share of what DuckDB may take, as it takes it; None if nothing that can be shared is said.

    Processes that work at once take a share each. Nobody gets less than it takes to write a file.
    """
    said = re.fullmatch(r"([\d.]+) *([KMGT])(i?)B", os.environ.get(_MEMORY, "2GB").strip())
    if said is None:
        return None
    size = float(said[1]) * (1024 if said[3] else 1000) ** _UNITS[said[2]]
    return f"{max(size * share, _LEAST):.0f}B"


class SealRefusedError(Exception):
    """A file cannot be opened with this installation's key; the message holds no key."""


class Seal:
    """The keys of an installation's files, and all that is done with them."""

    __slots__ = ("_keys", "_spill", "key_id")

    def __init__(self, master: bytes, key_id: str, spill: Path | None = None) -> None:
        """`spill`: a folder for what does not fit into memory, where no DuckDB file is opened."""
        self.key_id, self._spill = key_id, spill
        self._keys = {
            purpose: base64.b64encode(keys.derive(master, AGENCY, purpose)).decode()
            for purpose in (LANDING, BUILD, PUBLISHED)
        }

    @classmethod
    def of(cls, settings: Settings) -> Seal:
        """The seal of an installation. Raises KeyRefusedError without a usable master key."""
        ring = keys.keyring(settings)
        return cls(ring.master, ring.key_id, settings.home)

    def __repr__(self) -> str:
        return f"Seal({self.key_id})"

    def __reduce__(self) -> str:
        raise TypeError("a seal is not handed from process to process")

    def write(self, table: pa.Table | pa.RecordBatchReader, path: Path) -> None:
        """Write `table` to `path`, in its order. A reader may see half of it: write aside, rename."""
        connection = self._shared()
        if isinstance(table, pa.RecordBatchReader):
            # DuckDB would read ahead of a reader in the few threads that Arrow has, and these may all wait
            table = table.__arrow_c_stream__()
        connection.register("sealed", table)
        try:
            connection.execute(
                f"copy (select * from sealed) to {_text(path)} (format parquet, compression zstd, "
                f"encryption_config {{footer_key: '{self._name}'}})"
            )
        except duckdb.Error as error:
            raise _unwritten(path, error) from None
        finally:
            connection.unregister("sealed")

    def read(self, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of the file at `path`, in their order; some columns, or all.

        Raises FileNotFoundError, or SealRefusedError if it is not whole or sealed with another key.
        """
        chosen = "*" if columns is None else ", ".join(f'"{name}"' for name in columns)
        return self._read(path, f"select {chosen} from {self.scan(path)}")

    def schema(self, path: Path) -> pa.Schema:
        """The columns of the file at `path`."""
        return self._read(path, f"select * from {self.scan(path)} limit 0").schema

    def count(self, *paths: Path) -> int:
        """How many rows these files have together, from their footers alone."""
        if not paths:
            return 0
        counted = self._read(paths[0], f"select count(*) from {self.scan(*paths)}")
        return int(counted.column(0)[0].as_py())

    def scan(self, *paths: Path) -> str:
        """Files as a query names them, for `query` and for connections of this seal."""
        listed = ", ".join(map(_text, paths))
        return f"read_parquet([{listed}], encryption_config = {{footer_key: '{self._name}'}})"

    def query(self, text: str) -> pa.Table:
        """The answer to a query of files that `scan` names."""
        try:
            return self._shared().execute(text).to_arrow_table()
        except (duckdb.FatalException, duckdb.InternalException):
            _threads.close()
            raise

    def _read(self, path: Path, text: str) -> pa.Table:
        try:
            return self.query(text)
        except duckdb.Error as error:
            raise _unread(path, error, self.key_id) from None

    @property
    def _name(self) -> str:
        return f"{LANDING}_{self.key_id}"

    def _shared(self) -> duckdb.DuckDBPyConnection:
        """A connection of this thread that knows this seal's key of landing."""
        connection, known = _threads.connection(self._spill)
        if known.get(self._name) != self._keys[LANDING]:
            self._add_parquet_key(connection, self._name)
            known[self._name] = self._keys[LANDING]
        return connection

    def opened(
        self, path: Path, read_only: bool = True, purpose: str | None = BUILD
    ) -> duckdb.DuckDBPyConnection:
        """A new connection in which the DuckDB file at `path` is the database that is used."""
        connection = duckdb.connect(config=CONFIG)
        try:
            _load(connection)
            _bound(connection, path.parent)
            self.attach(connection, path, "warehouse", read_only, purpose)
            connection.execute("use warehouse")
        except BaseException:
            connection.close()
            raise
        return connection

    def attach(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path,
        alias: str,
        read_only: bool = True,
        purpose: str | None = BUILD,
    ) -> str | None:
        """Attach the DuckDB file at `path`; the purpose of the key that opened it, None if it is plain.

        A file that is not there is made, for `purpose`; one that is there is opened as it is. Raises
        FileNotFoundError, or SealRefusedError if it is not whole or sealed with another key.
        """
        purposes = [purpose]
        if path.exists():
            purposes = [BUILD, PUBLISHED] if is_sealed(path) else [None]
        for one in purposes:
            options = ["read_only"] * read_only + ["encryption_key ?"] * (one is not None)
            said = f" ({', '.join(options)})" if options else ""
            keys_ = [self._keys[one]] if one is not None else None
            try:
                connection.execute(f"attach {_text(path)} as {alias}{said}", keys_)
            except duckdb.Error as error:
                if one == purposes[-1]:
                    raise _unread(path, error, self.key_id) from None
            else:
                return one
        raise AssertionError("there is always a purpose to try")

    def analysts_key(self) -> str:
        """What opens an encrypted publication, as DuckDB's ENCRYPTION_KEY takes it."""
        return self._keys[PUBLISHED]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A new connection in memory, prepared."""
        connection = duckdb.connect(config=CONFIG)
        self.prepare(connection)
        _bound(connection, self._spill)
        return connection

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let queries of `connection` read landed Parquet, by `scan` or with `KEY`."""
        _load(connection)
        for name in (self._name, LANDING):
            self._add_parquet_key(connection, name)

    def _add_parquet_key(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        connection.execute("set variable sealing_key = ?", [self._keys[LANDING]])
        connection.execute(f"pragma add_parquet_key('{name}', getvariable('sealing_key'))")
        connection.execute("reset variable sealing_key")


class _Threads(threading.local):
    """One connection a thread and process: opening one costs ten times what reading a file does.

    A child of a fork neither uses nor closes its parent's: both would wait for threads that it has not.
    """

    def __init__(self) -> None:
        self.opened: dict[int, tuple[duckdb.DuckDBPyConnection, dict[str, str]]] = {}

    def connection(self, spill: Path | None) -> tuple[duckdb.DuckDBPyConnection, dict[str, str]]:
        """The connection, and the keys that it knows by name."""
        if os.getpid() not in self.opened:
            connection = duckdb.connect(config={**CONFIG, "threads": 1})
            _load(connection)
            _bound(
                connection, spill, share=0.25
            )  # several threads and workers read and write at once
            self.opened[os.getpid()] = (connection, {})
        return self.opened[os.getpid()]

    def close(self) -> None:
        """Open another next time: a damaged file can make DuckDB refuse all that comes after it."""
        self.opened.pop(os.getpid())[0].close()


_threads = _Threads()


def published(path: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """What analysts open, read-only; the master key is needed only if it is encrypted."""
    if not is_sealed(path):
        connection = duckdb.connect(str(path), read_only=True)
        # Connections of a process to one plain file are one database, which is bounded when first opened.
        with suppress(duckdb.InvalidInputException, duckdb.NotImplementedException):
            _bound(connection, path.parent)  # plain, as the file itself
        return connection
    return Seal.of(settings).opened(path)


def load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """An extension, from where its package was installed."""
    package = Path(str(files(f"duckdb_extension_{name}")))
    file = package / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    connection.execute(f"load {_text(file)}")


def _bound(connection: duckdb.DuckDBPyConnection, spill: Path | None, share: float = 1.0) -> None:
    """Let a connection take no more memory than it may; the rest is written, encrypted, below a folder.

    Each connection has a folder of its own there: DuckDB's files have the same names in all.
    """
    if (limit := memory(share)) is not None:
        connection.execute(f"set memory_limit = '{limit}'")
    if spill is not None:
        own = spill / f"{SPILL}-{secrets.token_hex(4)}"
        connection.execute(f"set temp_directory = {_text(own)}")


def _load(connection: duckdb.DuckDBPyConnection) -> None:
    """OpenSSL for DuckDB, from where the package was installed: also for what does not fit into memory."""
    load(connection, "httpfs")
    connection.execute("set temp_file_encryption = true")


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _unwritten(path: Path, error: duckdb.Error) -> Exception:
    """An error of writing without DuckDB's text, which may quote what it was asked."""
    kind = type(error).__name__
    if isinstance(error, duckdb.IOException):
        if (number := disk.number(str(error))) is not None:
            return OSError(number, os.strerror(number), str(path))
        return OSError(f"{path} cannot be written ({kind})")
    return SealRefusedError(f"{path} cannot be written ({kind})")


def _unread(path: Path, error: duckdb.Error, key_id: str) -> Exception:
    """What is wrong with the file at `path`, from the file itself and not in DuckDB's words."""
    if not path.exists():
        return FileNotFoundError(f"{path} is missing")
    if isinstance(error, duckdb.IOException):  # another process writes it, or may not be read
        return SealRefusedError(
            f"{path} cannot be opened: another process has it, or may not read it"
        )
    if isinstance(error, duckdb.BinderException) and path.suffix == ".parquet":
        return SealRefusedError(f"{path.name} lacks a column that is needed")
    if not is_sealed(path):
        return SealRefusedError(
            f"{path} is not encrypted, or not whole: it was not written by this version"
        )
    return SealRefusedError(
        f"{path} does not open with the key {key_id}: it was sealed with another, or is damaged. "
        "See docs/runbooks/key_refused.md"
    )


def is_sealed(path: Path) -> bool:
    """Whether a Parquet or DuckDB file is encrypted, by its own header."""
    with path.open("rb") as file:
        head = file.read(24)
        if head[8:12] == b"DUCK":  # checksum, magic, version, flags
            return len(head) == 24 and bool(head[20] & 1)
        if head[:4] != b"PARE":
            return False
        file.seek(-4, os.SEEK_END)
        return file.read() == b"PARE"
