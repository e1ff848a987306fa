"""Every byte below a folder, searched for many forms at once.

In: a folder, and the forms. Out: what was found and where. Files are read as they are, and then as what
they hold: archives and compressed files unpacked, Parquet, DuckDB and SQLite table by table.
"""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from counterflow.sealing import Seal, is_sealed
from tests.planting.marks import HEAD

Haystack = tuple[str, bytes]  # where it is, and what is there
Tables = Callable[[Path], Iterator[Haystack] | None]  # None: a file of another kind

_SLOTS = 1 << 24
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 64_000_000


@dataclass(frozen=True, slots=True)
class Find:
    """One form that was found."""

    where: str
    form: str
    around: str

    def __str__(self) -> str:
        return f"{self.where}: {self.form}: {self.around}"


class Finder:
    """Looks for any number of forms in one pass: the first eight bytes of each are a number."""

    def __init__(self, forms: Mapping[bytes, str]) -> None:
        self._forms: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
        for form, name in forms.items():
            self._forms[int.from_bytes(form[:HEAD], "little")].append((form, name))
            if form.isascii() and (lower := form.lower()) != form and lower not in forms:
                self._forms[int.from_bytes(lower[:HEAD], "little")].append((lower, f"{name} lower"))
        self._heads = np.array(sorted(self._forms), np.uint64)
        self._slots = np.zeros(_SLOTS, np.bool_)
        self._slots[self._slot(self._heads)] = True

    def within(self, where: str, data: bytes, most: int = 20) -> Iterator[Find]:
        """The forms in `data`, and in `data` with its ASCII letters small; at most `most` of them."""
        for said in (data, data.lower()):
            for start in range(0, max(len(said), 1), _CHUNK):
                for find in self._scan(where, said[start : start + _CHUNK + 256]):
                    yield find
                    most -= 1
                    if most <= 0:
                        return

    def _scan(self, where: str, data: bytes) -> Iterator[Find]:
        if len(data) < HEAD:
            return
        for offset in range(HEAD):
            count = (len(data) - offset) // HEAD
            if count <= 0:
                continue
            heads = np.frombuffer(data, "<u8", count, offset)
            places = np.flatnonzero(self._slots[self._slot(heads)])
            if not len(places):
                continue
            taken = heads[places]
            at = np.searchsorted(self._heads, taken)
            at[at == len(self._heads)] = 0
            for place, head in zip(
                places[self._heads[at] == taken].tolist(),
                taken[self._heads[at] == taken].tolist(),
                strict=True,
            ):
                begin = place * HEAD + offset
                for form, name in self._forms[head]:
                    if data.startswith(form, begin):
                        around = data[max(0, begin - 60) : begin + len(form) + 40]
                        yield Find(where, name, repr(around))

    @staticmethod
    def _slot(heads: np.ndarray) -> np.ndarray:
        return (heads * _FACTOR) >> np.uint64(40)


def search(root: Path, finder: Finder, tables: Sequence[Tables] = ()) -> list[Find]:
    """All finds below `root`: in names, in bytes, and in what the files hold."""
    return [find for where, data in haystacks(root, tables) for find in finder.within(where, data)]


def haystacks(root: Path, tables: Sequence[Tables] = ()) -> Iterator[Haystack]:
    """Everything below `root` as bytes; `tables` open kinds of files that only the caller can read."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        yield "name of a file", name.encode("utf-8", "surrogateescape")
        if path.is_symlink():
            yield f"{name} (link)", str(path.readlink()).encode("utf-8", "surrogateescape")
        if not path.is_file():
            continue
        data = path.read_bytes()
        yield name, data
        yield from unpacked(name, data)
        own = next((found for read in tables if (found := read(path)) is not None), None)
        if own is not None:
            yield from ((f"{name} {where}", held) for where, held in own)
        elif data[:4] == b"PARE":
            raise ValueError(f"{name} is encrypted, and nobody opens it: it was not searched")
        elif data[:4] == b"PAR1":
            yield from ((f"{name} {w}", d) for w, d in columns(pq.read_table(path)))
        elif data[8:12] == b"DUCK":
            yield from ((f"{name} {w}", d) for w, d in duckdb_file(path))
        elif data[:15] == b"SQLite format 3":
            yield from ((f"{name} {w}", d) for w, d in sqlite_file(path))


def unpacked(name: str, data: bytes, depth: int = 3) -> Iterator[Haystack]:
    """What an archive or a compressed file holds, archives within archives too."""
    found: list[Haystack] = []
    if data[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error):
            found.append((f"{name} (gunzipped)", gzip.decompress(data)))
    elif data[:2] in (b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        with suppress(zlib.error):
            found.append((f"{name} (inflated)", zlib.decompress(data)))
    elif data[:2] == b"PK":
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                with suppress(Exception):
                    found.append((f"{name}!{member.filename}", archive.read(member)))
    for where, held in found:
        yield where, held
        if depth:
            yield from unpacked(where, held, depth - 1)


def columns(table: pa.Table) -> Iterator[Haystack]:
    """The cells of each column of a table, as text, one below the other."""
    yield "schema", str(table.schema).encode()
    for name, column in zip(table.column_names, table.columns, strict=True):
        yield name, _cells(column)


def _cells(column: pa.ChunkedArray) -> bytes:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return b"\n".join(value for value in column.to_pylist() if value is not None)
    with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if pa.types.is_primitive(kind) or pa.types.is_string(kind):
            texts = column.cast(pa.large_string())
            parts = []
            for chunk in texts.chunks:
                _, offsets, values = chunk.buffers()
                if values is not None:
                    ends = np.frombuffer(offsets, np.int64)[chunk.offset :][: len(chunk) + 1]
                    parts.append(bytes(values)[ends[0] : ends[-1]])
            return b"\n".join(parts)
    return "\n".join(map(str, column.to_pylist())).encode("utf-8", "surrogatepass")


def duckdb_file(path: Path) -> Iterator[Haystack]:
    """Every table, view, macro, comment and setting of a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        yield from duckdb_tables(connection)


def sealed(seal: Seal) -> Tables:
    """Opens the files of an installation that are encrypted."""

    def read(path: Path) -> Iterator[Haystack] | None:
        with path.open("rb") as file:
            head = file.read(24)
        if head[:4] == b"PARE":
            return columns(seal.read(path))
        if head[8:12] == b"DUCK" and is_sealed(path):
            return _sealed_duckdb(seal, path)
        return None

    return read


def _sealed_duckdb(seal: Seal, path: Path) -> Iterator[Haystack]:
    with seal.connect() as connection:
        seal.attach(connection, path, "searched", read_only=True)
        yield from duckdb_tables(connection, "searched")


def duckdb_tables(connection: duckdb.DuckDBPyConnection, database: str = "") -> Iterator[Haystack]:
    """The same, of a database that is open: `database` is its name if it is attached."""
    only = f"database_name = '{database}'" if database else "database_name = current_database()"
    for listing in (
        "duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_functions", "duckdb_schemas",
        "duckdb_indexes", "duckdb_sequences", "duckdb_types", "duckdb_constraints",
    ):  # fmt: skip
        rows = connection.execute(f"select * from {listing}() where {only}").fetchall()
        yield listing, "\n".join(map(str, rows)).encode()
    stored = connection.execute(
        f"select schema_name, table_name from duckdb_tables() where {only} and not internal"
    ).fetchall()
    for schema, table in stored:
        full = ".".join(f'"{part}"' for part in (database, schema, table) if part)
        with suppress(duckdb.InvalidInputException):
            found = connection.execute(f"select * from {full}").to_arrow_table()
            yield from ((f"{schema}.{table}.{w}", held) for w, held in columns(found))


def sqlite_file(path: Path) -> Iterator[Haystack]:
    """Every cell of every table of an SQLite file, compressed ones unpacked."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        connection.text_factory = bytes
        names = connection.execute("select name, sql from sqlite_master").fetchall()
        yield "sqlite_master", b"\n".join(b" ".join(p or b"" for p in row) for row in names)
        tables = connection.execute(
            "select name from sqlite_master where type = 'table'"
        ).fetchall()
        for (raw,) in tables:
            table = raw.decode()
            with suppress(sqlite3.Error):
                parts = []
                for row in connection.execute(f'select * from "{table}"'):
                    for cell in row:
                        data = cell if isinstance(cell, bytes) else str(cell).encode()
                        parts.append(data)
                        parts += [held for _, held in unpacked(table, data)]
                yield table, b"\n".join(parts)
