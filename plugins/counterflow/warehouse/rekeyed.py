"""DuckDB files under a new master key: what analysts open and the publications kept beside it.

In: a change of keys. Out: each file written anew, whole, with new case keys, tokens and key id, in one rename; the
manifest with the new content hashes. A file names its key in `core.fct_case.key_id`, so that what is done is
not done again. What analysts have open stays as it was until they close it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from counterflow import disk
from counterflow.rekeying import CASES, KEY_ID, Change, RotationRefusedError
from counterflow.sealing import Seal, SealRefusedError, is_sealed
from counterflow.settings import Settings
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest, write_manifest
from counterflow.warehouse.publication import FILE
from counterflow.warehouse.rewriting import remove, rewrite

_PSEUDONYM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_WITH_TOKEN = "#[0-9a-f]{32}"


def files(settings: Settings) -> list[tuple[Path, ...]]:
    """Every publication with the further names it has: what analysts open is kept under its own name too."""
    found: dict[tuple[int, int], list[Path]] = {}
    kept = sorted((settings.warehouse / "kept").glob("warehouse-*.duckdb"))
    for path in (settings.warehouse / FILE, *kept):
        if path.exists():
            about = path.stat()
            found.setdefault((about.st_dev, about.st_ino), []).append(path)
    return [tuple(paths) for paths in found.values()]


def rekey(settings: Settings, change: Change, paths: tuple[Path, ...]) -> bool:
    """Write one publication anew; False if it is under the new key already."""
    source = paths[0]
    seal = _seal(change, source)
    with seal.opened(source) as connection:
        ids = key_ids(connection)
        if change.new.key_id in ids or (not ids and seal is change.after):
            return False
        if strange := ids - {change.old.key_id}:
            raise RotationRefusedError(
                f"{source} was made with the master.key {', '.join(sorted(strange))} and not with "
                f"{change.old.key_id}: move it away"
            )
        become = _become(connection, change, source)
        before = content_hashes(connection)
    aside = source.with_name(f".{source.stem}-{secrets.token_hex(4)}.duckdb")
    rewrite(change.after, source, aside, become=become, old=seal)
    manifest = settings.warehouse / MANIFEST
    made = read_manifest(manifest) if source.name == FILE else None
    if made is not None:
        with change.after.opened(aside) as connection:
            now = content_hashes(connection)
        # first: were the run killed in between, the next one writes the same file
        write_manifest(manifest, _restated(made, before, now))
    _replace(aside, paths)
    return True


def pairs(change: Change, path: Path) -> dict[str, str]:
    """Old case key → new one, of all cases that a publication names, whichever key it is under by now."""
    with _seal(change, path).opened(path) as connection:
        is_new = change.new.key_id in key_ids(connection)
        return _pairs(connection, change, is_new)


def tidy(settings: Settings) -> None:
    """Remove what a killed rewriting left."""
    for folder in (settings.warehouse, settings.warehouse / "kept"):
        for path in folder.glob(".*.duckdb*"):
            path.unlink()


def _seal(change: Change, path: Path) -> Seal:
    """The seal that opens a file; a plain one is opened by any."""
    if not is_sealed(path):
        return change.before
    try:
        change.after.opened(path).close()
        return change.after
    except SealRefusedError:
        return change.before


def _restated(
    made: Build, before: Mapping[str, tuple[int, str]], now: Mapping[str, tuple[int, str]]
) -> Build:
    """The manifest with the new hashes; of a table that had not the hash it should, what it should stays."""
    tables = {
        name: now[name] if before.get(name) == said and name in now else said
        for name, said in made.tables.items()
    }
    return replace(made, tables=tables)


def _replace(aside: Path, paths: tuple[Path, ...]) -> None:
    """Put the new file under all names of the old one. Kept files go by age: it keeps the old one's."""
    moment = paths[0].stat()
    os.utime(aside, ns=(moment.st_atime_ns, moment.st_mtime_ns))
    disk.settle(aside)
    for link in paths[1:]:
        name = aside.with_name(f"{aside.stem}-link.duckdb")
        os.link(aside, name)
        os.replace(name, link)
    os.replace(aside, paths[0])
    remove(aside)


def key_ids(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The ids of the keys that the facts of a file, past ones too, were made with."""
    found: set[str] = set()
    for table, columns in _columns(connection).items():
        if KEY_ID in columns:
            rows = connection.execute(f"select distinct {KEY_ID} from {table}").fetchall()
            found |= {key_id for (key_id,) in rows if key_id is not None}
    return found


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """`"schema"."table"` → its columns of text."""
    found: dict[str, set[str]] = {}
    for schema, table, column in connection.execute(
        "select t.schema_name, t.table_name, c.column_name from duckdb_tables() as t join duckdb_columns() as c "
        "using (database_name, schema_name, table_name) where t.database_name = current_database() "
        "and c.data_type = 'VARCHAR' order by all"
    ).fetchall():
        found.setdefault(f'"{schema}"."{table}"', set()).add(column)
    return found


def _pairs(
    connection: duckdb.DuckDBPyConnection, change: Change, is_new: bool = False
) -> dict[str, str]:
    """Old case key → new one, of every case that a table names together with its mission."""
    by_mission: dict[str, set[str]] = {}
    for table, columns in _columns(connection).items():
        for column in columns & set(CASES) if "mission_code" in columns else ():
            for mission, keys in connection.execute(
                f'select mission_code, list(distinct "{column}") from {table} '
                f'where "{column}" is not null group by mission_code'
            ).fetchall():
                by_mission.setdefault(mission, set()).update(keys)
    found: dict[str, str] = {}
    for mission, keys in by_mission.items():
        listed = sorted(keys)
        if is_new:
            found |= zip(change.earlier_cases(mission, listed), listed, strict=True)
        else:
            found |= zip(listed, change.cases(mission, listed), strict=True)
    return found


def _become(
    connection: duckdb.DuckDBPyConnection, change: Change, path: Path
) -> dict[str, dict[str, str]]:
    """Column → old value → new value. Refuses what could not be told, before anything is changed."""
    cases = _pairs(connection, change)
    become: dict[str, dict[str, str]] = dict.fromkeys(CASES, cases)
    become[KEY_ID] = {change.old.key_id: change.new.key_id}
    for table, columns in _columns(connection).items():
        for column in sorted(columns):
            if column in CASES:
                held = connection.execute(f'select distinct "{column}" from {table}').fetchall()
                if unknown := sum(key is not None and key not in cases for (key,) in held):
                    raise RotationRefusedError(
                        f"{path}: {unknown} case keys of {table} belong to no mission that the file names"
                    )
                continue
            for mission, text in _suspects(connection, table, columns, column):
                if any(found in cases for found in _PSEUDONYM.findall(text)):
                    raise RotationRefusedError(
                        f'{path}: {table}."{column}" holds a case key, and nobody said that it may '
                        "(counterflow.rekeying.CASES)"
                    )
                if re.search(_WITH_TOKEN, text):
                    if mission is None:
                        raise RotationRefusedError(
                            f'{path}: {table}."{column}" holds a token, and the table no mission_code'
                        )
                    become.setdefault(column, {})[text] = change.text(mission, text)
    return become


def _suspects(
    connection: duckdb.DuckDBPyConnection, table: str, columns: set[str], column: str
) -> Iterator[tuple[str | None, str]]:
    """The texts of a column in which 32 hexadecimal digits stand, with their mission."""
    mission = "mission_code" if "mission_code" in columns else "null"
    yield from connection.execute(
        f'select distinct {mission}, "{column}" from {table} '
        f"where regexp_matches(\"{column}\", '[0-9a-f]{{32}}')"
    ).fetchall()
