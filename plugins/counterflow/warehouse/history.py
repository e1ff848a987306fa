"""What history needs around dbt: which nights are to be derived, and what was known before a night.

In: the landing's records and the published warehouse. Out: the nights whose derivation is missing or was
made of other exports or verdicts, oldest first, and `build/earlier.duckdb`, which dbt reads as `earlier`
where the published file is not what comes before the night.

History is a function of landing. The published file holds it whole; nothing else is kept between
nights, so that a killed run leaves nothing to undo, and what was purged is in no other file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from counterflow import sealing
from counterflow.landing import Landing, NightRecord
from counterflow.retention import horizon
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse.rewriting import remove
from counterflow.warehouse.sources import write_source

EARLIER = "earlier.duckdb"
DERIVED_NIGHT = pa.schema([("night", pa.date32()), ("landing_sha256", pa.string())])
_PERIOD = (("valid_from", "date"), ("valid_until", "date"))
_TYPES = {"varchar": "VARCHAR", "integer": "INTEGER", "bigint": "BIGINT", "date": "DATE"}

Shape = dict[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Derivation:
    """The nights to derive, oldest first; the last one is published.

    `base` is the file whose history they continue, None to begin with nothing.
    """

    nights: tuple[date, ...]
    base: Path | None


def derivation(settings: Settings, night: date) -> Derivation:
    """What is to be derived so that history holds every recorded night, and `night`.

    The newest night is always derived; an earlier one only if what it was derived of has changed. Nights
    whose exports retention has removed cannot be: history keeps them as they are published.
    """
    landed = landed_nights(settings, night)
    published = settings.warehouse / "warehouse.duckdb"
    kept_from = horizon(settings) or date.min
    held = _held(settings, published)
    if _shape_of(settings, published) != shape(settings.dbt_project):
        # other facts or columns than today's: derived again, as far back as landing goes
        held = {n: derived for n, derived in held.items() if n <= kept_from}
    newest = max(landed)
    nights = [n for n in sorted(landed.keys() | held.keys()) if n >= min(landed) and n > kept_from]
    changed = [n for n in nights if landed.get(n) != held.get(n, "")]
    first = min([*changed, newest])
    due = tuple(n for n in sorted(landed) if n >= first and n > kept_from)
    return Derivation(due, published if any(n < first for n in held) else None)


def landed_nights(settings: Settings, night: date) -> dict[date, str]:
    """Every recorded night and `night` → the hash of the exports and verdicts in force on it."""
    recorded: dict[date, dict[str, NightRecord]] = {night: {}}
    for folder in settings.landing.glob("[A-Z][A-Z][A-Z]"):
        for record in Landing(settings.landing, folder.name).records(date.max):
            recorded.setdefault(record.night, {})[folder.name] = record
    force: dict[str, NightRecord] = {}
    found = {}
    for one, records in sorted(recorded.items()):
        force |= records
        found[one] = _sha256(force)
    return found


def landed_night(settings: Settings, night: date) -> str:
    """The same of one night."""
    force = {}
    for folder in settings.landing.glob("[A-Z][A-Z][A-Z]"):
        landing = Landing(settings.landing, folder.name)
        record = landing.record(night) or landing.before(night)
        if record is not None:
            force[folder.name] = record
    return _sha256(force)


def _sha256(force: Mapping[str, NightRecord]) -> str:
    lines = [f"{code} {r.export} {r.verdict}\n" for code, r in sorted(force.items()) if r.export]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def newest_night(settings: Settings, night: date) -> date:
    """The newest recorded night, or `night`: the one that a run ends with, whichever it began with."""
    names = [path.stem for path in settings.landing.glob("*/nights/????-??-??.json")]
    return max([night, *map(date.fromisoformat, names)])


def _held(settings: Settings, path: Path) -> dict[date, str]:
    """The nights that a file's history holds → hash of what they were derived of."""
    if "night" not in _shape_of(settings, path):
        return {}
    with sealing.published(path, settings) as connection:
        return dict(
            connection.execute("select night, landing_sha256 from history.night").fetchall()
        )


def _shape_of(settings: Settings, path: Path) -> Shape:
    """The tables of a file's history with their columns and types; empty if there is no file."""
    if not path.exists():
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    with sealing.published(path, settings) as connection:
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'history' and database_name = current_database() order by table_name, column_index"
        ).fetchall():
            found.setdefault(table, []).append((column, kind))
    return {table: tuple(columns) for table, columns in found.items()}


def shape(dbt_project: Path) -> Shape:
    """The tables of `history` with their columns and types, as the models' contracts say."""
    files = (dbt_project / "models" / folder for folder in ("core", "history"))
    return _shape(tuple((p, p.stat().st_mtime_ns) for f in files for p in sorted(f.glob("*.yml"))))


@lru_cache(maxsize=4)
def _shape(files: tuple[tuple[Path, int], ...]) -> Shape:
    found: Shape = {}
    for path, _ in files:
        for model in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader).get("models", []):
            name, columns = model["name"], list(_columns(model))
            if path.parent.name == "history":
                found[name.removeprefix("history_")] = tuple(columns)
            elif any(column == "case_key" for column, _ in columns):
                found[name] = tuple(columns) + tuple((c, t.upper()) for c, t in _PERIOD)
    return found


def _columns(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    meta = model.get("config", {}).get("meta", {}).get("history", {})
    for column in model["columns"]:
        if column["name"] not in meta.get("without", ()):
            yield column["name"], _TYPES.get(column["data_type"], column["data_type"].upper())


def begin(settings: Settings, base: Path | None) -> None:
    """Lay the history before the first night ready: empty tables; without the file, dbt reads `base`."""
    target = settings.build / EARLIER
    remove(target)
    if base is None:
        write_empty(Seal.of(settings), target, settings.dbt_project)
    elif _shape_of(settings, base) != (expected := shape(settings.dbt_project)):
        write_empty(Seal.of(settings), target, settings.dbt_project)
        _fill(settings, target, base, expected)


def write_empty(seal: Seal, path: Path, dbt_project: Path) -> None:
    """A history that holds no night."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with seal.opened(path, read_only=False) as connection:
        connection.execute("create schema if not exists history")
        for table, columns in shape(dbt_project).items():
            said = ", ".join(f'"{name}" {kind}' for name, kind in columns)
            connection.execute(f'create table history."{table}" ({said})')


def _fill(settings: Settings, target: Path, base: Path, expected: Shape) -> None:
    """Bring over what `base` holds under the columns of today; what it did not have is empty."""
    seal, had = Seal.of(settings), _shape_of(settings, base)
    with seal.opened(target, read_only=False) as connection:
        seal.attach(connection, base, "base")
        for table, columns in expected.items():
            known = {name for name, _ in had.get(table, ())}
            both = ", ".join(f'"{name}"' for name, _ in columns if name in known)
            if both:
                connection.execute(
                    f'insert into history."{table}" by name select {both} from base.history."{table}"'
                )


def go_on(settings: Settings) -> None:
    """What was built is what was known before the next night."""
    os.replace(settings.build / "warehouse.duckdb", settings.build / EARLIER)


def end(settings: Settings) -> None:
    """Leave no second copy of the history behind."""
    remove(settings.build / EARLIER)


def write_derived_night(settings: Settings, night: date) -> None:
    """The source `derived_night`: of what the night is derived."""
    row = [{"night": night, "landing_sha256": landed_night(settings, night)}]
    table = pa.Table.from_pylist(row, DERIVED_NIGHT)
    write_source(Seal.of(settings), settings.build / "sources", "derived_night", table)
