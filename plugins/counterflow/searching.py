"""Is a case still anywhere? Every byte of every file under the home is looked at.

In: case keys. Out: the files that hold one, and in what form. Parquet and DuckDB files are also opened:
what is encrypted or compressed shows nothing to a search of bytes. What DuckDB has freed inside a file
cannot be read through DuckDB, so a file that is kept must have no freed block at all. (The last build has
some; it is made anew each night, of a landing that no longer holds what was taken out.)
"""

from __future__ import annotations

import base64
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from counterflow.sealing import Seal, SealRefusedError, is_sealed
from counterflow.settings import Settings

_ROWS = 100_000  # of a table looked at in one piece


@dataclass(frozen=True, slots=True)
class Found:
    """One file that holds a case, or of which nobody can say that it does not."""

    file: str
    how: str

    def __str__(self) -> str:
        return f"{self.file} ({self.how})"


@dataclass(frozen=True, slots=True)
class Search:
    """What a search looked at and found."""

    files: int
    bytes: int
    found: tuple[Found, ...]


def search(settings: Settings, cases: Iterable[str]) -> Search:
    """Look for cases in every file under the home, by any of the forms that their keys could take."""
    forms = tuple(form for case in sorted(cases) for form in forms_of(case))
    seal = Seal.of(settings)
    files = looked_at = 0
    found: list[Found] = []
    for path in sorted(settings.home.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        files += 1
        looked_at += path.stat().st_size
        name = str(path.relative_to(settings.home))
        kept = path.parent != settings.build
        found.extend(Found(name, how) for how in _in_file(seal, path, forms, kept))
    return Search(files, looked_at, tuple(found))


def forms_of(case: str) -> tuple[bytes, ...]:
    """A key as it could stand in a file: hexadecimal of either case, its 16 bytes, base64 of any of these."""
    plain = (case.encode(), case.upper().encode(), bytes.fromhex(case))
    coded = (form for one in plain for form in _base64(one))
    return (*plain, *dict.fromkeys(coded))


def _base64(data: bytes) -> Iterator[bytes]:
    """What base64 of any text around `data` must contain, in each of the three places it can begin at."""
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + data)
            yield text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]


def _in_file(seal: Seal, path: Path, forms: tuple[bytes, ...], kept: bool) -> Iterator[str]:
    try:
        if path.stat().st_size and _in_bytes(path, forms):
            yield "its bytes"
        head = _head(path)
        if head[:4] in (b"PAR1", b"PARE"):
            if any(_holds(chunk, forms) for chunk in _parquet(seal, path)):
                yield "a row of it"
        elif head[8:12] == b"DUCK":
            yield from _in_duckdb(seal, path, forms, kept)
    except (duckdb.Error, SealRefusedError, pa.ArrowException, OSError) as error:
        yield f"cannot be read: {type(error).__name__}"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(24)


def _in_bytes(path: Path, forms: tuple[bytes, ...]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(form) >= 0 for form in forms)


def _parquet(seal: Seal, path: Path) -> Iterator[bytes]:
    table = seal.read(path) if is_sealed(path) else pq.read_table(path)
    for column in table.columns:
        yield _text(column)


def _text(column: pa.ChunkedArray) -> bytes:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.unique() if not pa.types.is_nested(column.type) else column
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values.to_pylist()
    )


def _holds(data: bytes, forms: tuple[bytes, ...]) -> bool:
    return any(form in data for form in forms)


def _in_duckdb(seal: Seal, path: Path, forms: tuple[bytes, ...], kept: bool) -> Iterator[str]:
    with seal.opened(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database() order by all"
        ).fetchall()
        for schema, table in tables:
            answer = connection.execute(f'select * from "{schema}"."{table}"')
            for batch in answer.to_arrow_reader(_ROWS):
                if any(_holds(_text(pa.chunked_array([c])), forms) for c in batch.columns):
                    yield f"a row of {schema}.{table}"
                    break
        freed = connection.execute("select free_blocks from pragma_database_size()").fetchone()
    if kept and freed and freed[0]:
        yield f"{freed[0]} freed blocks, which nobody can look into"
