"""Faults that are built in on purpose: a search that does not find them proves nothing.

In: a mark, and a folder or the program. Out: the mark somewhere in what a night leaves behind, by one of
the ways in which data have really escaped from programs like this one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import logging
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from text_unidecode import unidecode

from counterflow.ingest import Part

Patch = Callable[[pytest.MonkeyPatch], None]
Leave = Callable[[Path, str], object]


# --- in the program ------------------------------------------------------------------------------


def cells(table: Any) -> list[str]:
    """The first cells of a table as it was read."""
    return [str(column[0]) for column in table.columns if len(column)]


def _reading(monkeypatch: pytest.MonkeyPatch, leak: Callable[[list[str]], object]) -> None:
    """Something is done with the cells when they have just been read."""
    import counterflow.ingest as module

    real = module.read_tables

    def read_tables(files: Any, contract: Any) -> Any:
        tables = real(files, contract)
        leak(cells(tables["case"]))
        return tables

    monkeypatch.setattr(module, "read_tables", read_tables)


def exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader's exception quotes a cell, and its text is told."""

    def leak(found: list[str]) -> None:
        raise ValueError(f"could not convert string to float: {' '.join(found)!r}")

    _reading(monkeypatch, leak)
    import counterflow.pulling as module

    real = module.mark_failed

    def mark_failed(settings: Any, night: Any, mission: str, error: BaseException) -> Any:
        record = real(settings, night, mission, error)
        told = record.with_(message=f"{mission}: {error}")
        return module.Landing(settings.landing, mission).save(told)

    monkeypatch.setattr(module, "mark_failed", mark_failed)


def debug_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of debugging was left in."""
    _reading(monkeypatch, lambda found: logging.getLogger("counterflow").debug("row %s", found))


def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library outside Python prints a cell."""
    _reading(monkeypatch, lambda found: os.write(2, " ".join(found).encode()))


def temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export is laid aside while it is read, and forgotten."""
    import tempfile

    def leak(found: list[str]) -> None:
        with tempfile.NamedTemporaryFile("w", delete=False, encoding="utf-16") as file:
            file.write("\t".join(found))

    _reading(monkeypatch, leak)


def _landing(monkeypatch: pytest.MonkeyPatch, change: Callable[[Part, list[str]], None]) -> None:
    """What lands is changed."""
    import counterflow.ingest as module

    real, seen = module.Reading.parts, []
    _reading(monkeypatch, seen.extend)

    def parts(self: Any) -> Iterator[Part]:
        for part in real(self):
            change(part, list(seen))
            seen.clear()
            yield part

    monkeypatch.setattr(module.Reading, "parts", parts)


def column_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A personal column is landed with the others."""

    def change(landed: Part, found: list[str]) -> None:
        table = landed.tables["case"]
        kept = pa.array([" ".join(found)] * table.num_rows, pa.string())
        landed.tables["case"] = table.append_column("note", kept)

    _landing(monkeypatch, change)


def header_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal of an unknown column says what it is called."""
    import counterflow.sources.headers as module

    real = module.Columns.unknown

    def unknown(self: Any) -> Any:
        for place in (places := list(real(self))):
            logging.getLogger("counterflow").info("unknown column %s", self.table.labels[place])
        return places

    monkeypatch.setattr(module.Columns, "unknown", unknown)


def unmapped_code_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes outside the list are landed as they are."""
    import counterflow.fields as module

    monkeypatch.setattr(module, "code_token", lambda keys, table, field, value: value)


def plain_hash_of_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes outside the list are landed as hashes without a key."""
    import counterflow.fields as module

    def token(keys: Any, table: str, field: str, value: str) -> str:
        return "#" + hashlib.sha256(value.casefold().encode()).hexdigest()[:32]

    monkeypatch.setattr(module, "code_token", token)


def plain_hash_of_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case numbers are hashed without a key."""
    import counterflow.gate as module
    from counterflow.text import case_number

    def hashed(keys: Any, numbers: Iterable[Sequence[str]]) -> list[str]:
        return [hashlib.md5(case_number(number[0]).encode()).hexdigest() for number in numbers]

    monkeypatch.setattr(module, "case_keys", hashed)


IN_THE_PROGRAM: dict[str, Patch] = {
    patch.__name__: patch
    for patch in (
        exception, debug_log, printed, temporary_file, column_kept, header_told, unmapped_code_told,
        plain_hash_of_codes, plain_hash_of_numbers,
    )
}  # fmt: skip


# --- in files ------------------------------------------------------------------------------------


def xcom(folder: Path, mark: str) -> None:
    """A task hands its successor a value."""
    with sqlite3.connect(folder / "airflow.db") as connection:
        connection.execute("create table xcom (key text, value text)")
        connection.execute("insert into xcom values ('return_value', ?)", (json.dumps([mark]),))


def rendered_template(folder: Path, mark: str) -> None:
    """A template was rendered with a value, and is kept compressed."""
    with sqlite3.connect(folder / "airflow.db") as connection:
        connection.execute("create table rendered_task_instance_fields (rendered_fields blob)")
        held = zlib.compress(json.dumps({"op_kwargs": {"note": mark}}).encode())
        connection.execute("insert into rendered_task_instance_fields values (?)", (held,))


def rotated_log(folder: Path, mark: str) -> None:
    """A log that was rotated and compressed."""
    (folder / "task.log.1.gz").write_bytes(gzip.compress(f"INFO - row: {mark}\n".encode()))


def kept_archive(folder: Path, mark: str) -> None:
    """A workbook that was kept, within a zip."""
    with zipfile.ZipFile(folder / "inner.xlsx", "w", zipfile.ZIP_DEFLATED) as inner:
        inner.writestr("xl/sharedStrings.xml", f"<si><t>{mark}</t></si>")
    with zipfile.ZipFile(folder / "kept.zip", "w", zipfile.ZIP_DEFLATED) as outer:
        outer.write(folder / "inner.xlsx", "inner.xlsx")
    (folder / "inner.xlsx").unlink()


def table_comment(folder: Path, mark: str) -> None:
    """The comment of a table."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute("create table t (a int)")
        connection.execute(f"comment on table t is 'as {mark} said'")


def view(folder: Path, mark: str) -> None:
    """The text of a view."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute(f"create view v as select 1 as a where '{mark}' = ''")


def macro(folder: Path, mark: str) -> None:
    """The text of a macro."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute(f"create macro m() as '{mark}'")


def compressed_column(folder: Path, mark: str) -> None:
    """A column that DuckDB compresses."""
    with duckdb.connect(str(folder / "w.duckdb")) as connection:
        connection.execute("pragma force_compression = 'fsst'")
        connection.execute(
            "create table t as select ? || '-' || range as note from range(5000)", [mark]
        )


def freed_block(folder: Path, mark: str) -> None:
    """Rows that were deleted: their blocks are free, and still hold them until they are used again."""
    path = folder / "w.duckdb"
    rows = "select ? || '-' || range as note from range(60000)"
    with duckdb.connect(str(path)) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        connection.execute(f"create table t as {rows}", [mark])
        connection.execute("checkpoint")
        connection.execute(f"create table u as {rows}", ["x" * len(mark)])
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table t")


def statistics(folder: Path, mark: str) -> None:
    """The least and the greatest value of a column, in a Parquet's foot: its cells are overwritten."""
    path = folder / "t.parquet"
    table = pa.table({"note": [mark, mark]})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    data = path.read_bytes()
    foot = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    held = mark.encode()
    path.write_bytes(data[:foot].replace(held, b"x" * len(held)) + data[foot:])


def parquet_column(folder: Path, mark: str) -> None:
    """A compressed column of a Parquet, of nested lists."""
    pq.write_table(pa.table({"a": [[{"note": mark}]]}), folder / "t.parquet", compression="zstd")


def file_name(folder: Path, mark: str) -> None:
    """The name of a file."""
    (folder / f"export of {mark}.txt").touch()


def _text(write: Callable[[str], bytes]) -> Leave:
    return lambda folder, mark: (folder / "manifest.json").write_bytes(
        b"...; " + write(mark) + b" ..."
    )


def _named(name: str, *hashed: str) -> Leave:
    def write(mark: str) -> bytes:
        for step in hashed:
            mark = getattr(mark, step)()
        return hashlib.new(name, mark.encode()).hexdigest().encode()

    return _text(write)


IN_FILES: dict[str, Leave] = {
    leave.__name__: leave
    for leave in (
        xcom, rendered_template, rotated_log, kept_archive, table_comment, view, macro,
        compressed_column, freed_block, statistics, parquet_column, file_name,
    )
} | {
    "json_escaped": _text(lambda mark: json.dumps({"note": mark}).encode()),
    "url_encoded": _text(lambda mark: quote(mark).encode()),
    "utf_16": _text(lambda mark: mark.encode("utf-16-le")),
    "upper_case": _text(lambda mark: mark.upper().encode()),
    "lower_case": _text(lambda mark: mark.lower().encode()),
    "transliterated": _text(lambda mark: unidecode(mark).lower().encode()),
    "reversed": _text(lambda mark: mark[::-1].encode()),
    "hex": _text(lambda mark: mark.encode().hex().encode()),
    "base64": _text(lambda mark: base64.b64encode(mark.encode())),
    "base64_after_one": _text(lambda mark: base64.b64encode(b"x" + mark.encode() + b"yz")),
    "base64_after_two": _text(lambda mark: base64.b64encode(b"xy" + mark.encode() + b"yz")),
    "wrongly_decoded": _text(lambda mark: mark.encode().decode("latin-1").encode()),
    "md5": _named("md5"),
    "sha1": _named("sha1", "casefold"),
    "sha256": _named("sha256"),
    "sha256_of_upper_case": _named("sha256", "upper"),
    "sha256_bytes": _text(lambda mark: hashlib.sha256(mark.encode()).digest()),
    "sha256_base64": _text(lambda mark: base64.b64encode(hashlib.sha256(mark.encode()).digest())),
}  # fmt: skip
