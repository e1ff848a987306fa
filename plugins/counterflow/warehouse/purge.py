"""Cases taken out of DuckDB files: what analysts open, the publications kept beside it, the last build.

In: by case key the last night on which no row of it may hold. Out: what was removed. A file is written
anew without the rows and takes the old one's place in one rename: a reader that has the old one open keeps
it to its end. Tables that count cases (analysis, quality) stay until the next build counts anew.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from counterflow import disk
from counterflow.disk import sha256
from counterflow.purging import KEYS, Removed, under
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse.gates import PASSED
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, read_manifest, write_manifest
from counterflow.warehouse.publication import FILE
from counterflow.warehouse.replacing import PART
from counterflow.warehouse.rewriting import rewrite
from counterflow.warehouse.sources import SAID


@dataclass(frozen=True, slots=True)
class _File:
    """A DuckDB file, its night, the manifest that describes it and the links to it."""

    path: Path
    night: date
    manifest: Path | None = None
    links: tuple[Path, ...] = ()


def purge_files(
    settings: Settings, until: Mapping[str, date], compact: bool = False
) -> Iterator[Removed]:
    """Rewrite every DuckDB file that holds a row of a case on a night on which it may not hold.

    `compact`: one with freed blocks too, so that nothing is left in them.
    """
    tidy(settings)
    for file in _files(settings) if until else ():
        yield from _purge(settings, file, until, compact)


def give_up_build(settings: Settings) -> Iterator[Removed]:
    """Remove the files of the last build: they may hold what was just taken out, and a night makes them anew."""
    found = [
        path
        for pattern in (
            *("*.duckdb", "*.duckdb.wal", "sources/**/*.parquet", MANIFEST, PASSED, SAID),
            *(f"{PART}/**/*.duckdb*", f"{PART}/**/*.parquet"),  # of a build that was killed
        )
        for path in sorted(settings.build.glob(pattern))
        if not path.is_symlink()
    ]
    before = [(path, sha256(path)) for path in found]
    for path in found:
        path.unlink()
    for folder in ("sources", PART):
        shutil.rmtree(settings.build / folder, ignore_errors=True)
    for path, digest in before:
        yield Removed(under(settings.home, path), {}, digest, None)


def tidy(settings: Settings) -> int:
    """Remove what a killed rewriting left; how many files."""
    left = [
        path
        for folder in (settings.warehouse, settings.warehouse / "kept", settings.build)
        for path in folder.glob(".*.duckdb*")
    ]
    for path in left:
        path.unlink()
    return len(left)


def is_published(settings: Settings) -> bool:
    """Whether there is a file that cases could be in: published, or kept from before."""
    return next(_files(settings), None) is not None


def _files(settings: Settings) -> Iterator[_File]:
    kept = sorted((settings.warehouse / "kept").glob("warehouse-*.duckdb"))
    published = read_manifest(settings.warehouse / MANIFEST)
    path = settings.warehouse / FILE
    if published is not None and path.exists():
        same = tuple(link for link in kept if link.samefile(path))
        yield _File(path, published.night, settings.warehouse / MANIFEST, same)
        kept = [link for link in kept if link not in same]
    for one in kept:
        yield _File(one, datetime.strptime(one.name.split("-")[1], "%Y%m%d").date())


def _purge(
    settings: Settings, file: _File, until: Mapping[str, date], compact: bool
) -> Iterator[Removed]:
    with Seal.of(settings).opened(file.path) as connection:
        tables = _tables_of_cases(connection)
        cases = _out_of(connection, tables, file.night, until)
        before_rows = _rows(connection, tables)
        freed = connection.execute("select free_blocks from pragma_database_size()").fetchone()
    if not cases and not (compact and freed and freed[0]):
        return
    before = sha256(file.path)
    aside = file.path.with_name(f".{file.path.stem}-{secrets.token_hex(4)}.duckdb")
    seal = Seal.of(settings)
    rewrite(seal, file.path, aside, _keeping(cases, tables))
    with seal.opened(aside) as connection:
        after_rows = _rows(connection, tables)
        if file.manifest is not None and (made := read_manifest(file.manifest)) is not None:
            # first: were the run killed in between, the next one writes the same file
            write_manifest(file.manifest, replace(made, tables=content_hashes(connection)))
    rows = {name: n - after_rows[name] for name, n in before_rows.items() if n != after_rows[name]}
    moment = file.path.stat()
    os.utime(aside, ns=(moment.st_atime_ns, moment.st_mtime_ns))  # kept files go by age
    disk.replace(aside, file.path)
    for link in file.links:
        os.link(file.path, aside)
        os.replace(aside, link)
    after = sha256(file.path)
    for path in (file.path, *file.links):
        yield Removed(under(settings.home, path), rows, before, after)


def _out_of(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, set[str]],
    night: date,
    until: Mapping[str, date],
) -> set[str]:
    """The cases of which a file holds a row on a night on which it may not: all of such a case goes."""
    if not tables:
        return set()
    columns = {
        "case_key": pa.array(until, pa.string()),
        "last": pa.array(until.values(), pa.date32()),
    }
    connection.register("going", pa.table(columns))
    named = []
    for table, names in tables.items():
        held = next((c for c in ("valid_from", "night") if c in names), f"date '{night}'")
        named += [
            f'select "{column}" as named, {held} as held from {table}'
            for column in sorted(names & set(KEYS))
        ]
    rows = connection.execute(
        f"select distinct named from ({' union all '.join(named)}) join going on case_key = named where held <= last"
    ).fetchall()
    connection.unregister("going")
    return {case for (case,) in rows}


def _keeping(cases: AbstractSet[str], tables: Mapping[str, set[str]]) -> dict[str, str]:
    """By table the condition of the rows that stay: those that name none of the cases."""
    if not cases:
        return {}
    listed = ", ".join(f"'{case}'" for case in sorted(cases))  # hexadecimal digits
    return {
        table: " and ".join(
            f'(t."{column}" is null or t."{column}" not in ({listed}))'
            for column in sorted(columns & set(KEYS))
        )
        for table, columns in tables.items()
    }


def _rows(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> dict[str, int]:
    """`schema.table` → its rows."""
    found = {}
    for table in tables:
        counted = connection.execute(f"select count(*) from {table}").fetchone()
        found[table.replace('"', "")] = int(counted[0]) if counted else 0
    return found


def _tables_of_cases(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """`"schema"."table"` → its columns, of every table in which a column names a case."""
    found: dict[str, set[str]] = {}
    for schema, table, column in connection.execute(
        "select t.schema_name, t.table_name, c.column_name from duckdb_tables() as t "
        "join duckdb_columns() as c using (database_name, schema_name, table_name) "
        "where t.database_name = current_database() order by all"
    ).fetchall():
        found.setdefault(f'"{schema}"."{table}"', set()).add(column)
    return {table: columns for table, columns in found.items() if columns & set(KEYS)}


def merges(settings: Settings) -> dict[str, set[str]]:
    """Merged record → the cases that it was merged into, by the history that is published."""
    found: dict[str, set[str]] = {}
    path = settings.warehouse / FILE
    if path.exists():
        with Seal.of(settings).opened(path) as connection:
            for case, into in connection.execute(
                "select case_key, into_case_key from history.case_change where into_case_key is not null"
            ).fetchall():
                found.setdefault(case, set()).add(into)
    return found


def cases_of(settings: Settings) -> set[str]:
    """Every case of which what is published or kept holds a row."""
    found: set[str] = set()
    for file in _files(settings):
        with Seal.of(settings).opened(file.path) as connection:
            for table, columns in _tables_of_cases(connection).items():
                for column in sorted(columns & set(KEYS)):
                    rows = connection.execute(f'select distinct "{column}" from {table}').fetchall()
                    found |= {case for (case,) in rows}
    return found
