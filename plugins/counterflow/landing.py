"""The landing zone: one folder per mission with its landed exports and the record of each night.

In: what ingest produced. Out: Parquet written aside and renamed when whole, JSON records replaced
atomically. An export is named by the hash of its bytes and of all in the contract that reading it
depends on: the same name means that there is nothing to do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from counterflow import disk

if TYPE_CHECKING:
    from counterflow.sealing import Seal  # DuckDB: not needed to plan

FINAL = ("loaded", "unchanged", "late", "missing", "refused", "failed")
PENDING = "landed"  # landed tonight, not yet validated
OUTCOME = "outcome.json"
ROWS = "rows.parquet"
_COUNTS = (OUTCOME, "verdict.json", "profile.parquet", "signals.parquet", "withheld.parquet")
_INSTEAD = (
    "-instead"  # a folder so named is whole, and takes the place of the export it is named after
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading one export; lies beside its Parquet. Rows are source rows."""

    mission_code: str
    export: str
    export_sha256: str
    reading: str  # hash of the parts of the contract that the reading depended on
    rows_read: int
    rows_blank: int
    withheld: dict[str, int]
    rows_landed: int
    next_reading: date | None
    key_id: str  # of the master key that its pseudonyms were made with
    linking_id: str  # and of the linking key
    seconds: float
    columns: Mapping[str, str] = field(default_factory=dict)  # table → `columns_digest` as landed

    @property
    def rows_withheld(self) -> int:
        """Source rows withheld, all reasons."""
        return sum(self.withheld.values())


@dataclass(frozen=True, slots=True)
class NightRecord:
    """What a night did to one mission. `export` is the one in force when the night is over."""

    night: date
    mission_code: str
    status: str
    export: str | None = None
    export_sha256: str | None = None
    loaded_night: date | None = None
    is_stale: bool = False
    message: str = ""
    tried: str | None = None  # the export that was landed tonight, whatever became of it
    tried_sha256: str | None = None
    reading: str = ""
    verdict: str | None = None  # folder of the verdict on `export`
    tried_verdict: str | None = None  # folder of the verdict on `tried`, or on `export`
    compared_with: str | None = None  # the export whose profile the verdict on `export` used
    delivered: date | None = None  # the date that the newest delivery carried
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_blank: int = 0
    withheld: dict[str, int] | None = None

    def with_(self, **changes: Any) -> NightRecord:
        """The record with some fields replaced."""
        return dataclasses.replace(self, **changes)


def columns_digest(schema: pa.Schema) -> str:
    """A short hash of columns and their types, in whatever order."""
    said = ";".join(sorted(f"{column.name} {column.type}" for column in schema))
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def export_name(sha256: str, reading: str, next_reading: date | None, night: date) -> str:
    """The name of a landed export; a reading that time will change carries its night."""
    plain = f"{sha256[:16]}-{reading[:8]}"
    return f"{plain}-{night:%Y%m%d}" if next_reading else plain


def next_reading(first_future: date | None, night: date) -> date | None:
    """The night on which bytes must be read again that hold a date after `night`, None if none does.

    The first of that date's month, or tomorrow: an exact date is not landed, not even of a fault.
    """
    if first_future is None:
        return None
    return max(first_future.replace(day=1), night + timedelta(days=1))


def _read_on(export: str) -> date:
    return datetime.strptime(export.rpartition("-")[2], "%Y%m%d").date()


class Landing:
    """One mission's folder of the landing zone."""

    def __init__(self, root: Path, mission: str) -> None:
        self.mission, self.folder = mission, root / mission

    def path(self, export: str) -> Path:
        """The folder of a landed export."""
        return self.folder / "exports" / export

    def find(self, sha256: str, reading: str, night: date) -> str | None:
        """The landed export of these bytes and this reading that still holds on `night`."""
        for path in sorted((self.folder / "exports").glob(f"{sha256[:16]}-{reading[:8]}*")):
            outcome = self.outcome(path.name)
            if outcome is None or not self.is_whole(path.name):
                continue
            if outcome.next_reading is None or _read_on(path.name) <= night < outcome.next_reading:
                return path.name
        return None

    def is_whole(self, export: str) -> bool:
        """Whether the rows of a landed export are still there: retention leaves its counts only."""
        return (self.path(export) / ROWS).exists()

    def whole_exports(self) -> list[str]:
        """The landed exports that still hold rows."""
        found = (self.folder / "exports").glob(f"[!.]*/{ROWS}")
        return sorted(path.parent.name for path in found)

    def put(self, aside: Path, export: str) -> None:
        """Let a whole folder take the place of a landed export. Killed half-way, `tidy` ends it."""
        final = self.path(export)
        whole = final.with_name(f".{export}{_INSTEAD}")
        old = final.with_name(f".{export}-{secrets.token_hex(4)}-old")
        shutil.rmtree(whole, ignore_errors=True)
        disk.replace(aside, whole)
        if final.exists():
            os.replace(final, old)
        os.replace(whole, final)
        disk.sync(final.parent)
        shutil.rmtree(old, ignore_errors=True)

    def reduce(self, export: str) -> None:
        """Leave of a landed export what is of no single case, for the nights that were made of it."""
        folder = self.path(export)
        aside = folder.with_name(f".{export}-{secrets.token_hex(4)}")
        for path in sorted(folder.rglob("*")):
            place = path.relative_to(folder)
            if path.is_file() and (place.name in _COUNTS or place.name == "results.parquet"):
                (aside / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, aside / place)
        self.put(aside, export)

    def finish(self) -> int:
        """End the replacements that a killed run began, and remove its half exports; how many. Alone only."""
        folder = self.folder / "exports"
        for path in sorted(folder.glob(f".*{_INSTEAD}")):
            final = path.with_name(path.name.removeprefix(".").removesuffix(_INSTEAD))
            if not final.exists():
                os.replace(path, final)
        return _remove(folder.glob(".*")) + _remove(folder.glob("*/.*"))

    def tidy(self) -> int:
        """The same, and whatever else a killed run left; while nobody builds or records either."""
        left = [
            p for name in ("nights/.*", "contract/.*", ".erased*") for p in self.folder.glob(name)
        ]
        return self.finish() + _remove(left)

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A folder in which a landed export is made; what is left of it at the end is removed."""
        folder = self.folder / "exports" / f".new-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def take(self, seal: Seal, aside: Path, outcome: Outcome, replace: bool = False) -> None:
        """Let the tables in `aside` be the landed export of this outcome; one that is there is kept.

        `replace`: a full refresh of the same bytes takes the place of the earlier reading.
        """
        final = self.path(outcome.export)
        (aside / OUTCOME).write_text(_json(asdict(outcome)), "utf-8")
        if final.exists() and (replace or not self.is_whole(outcome.export)):  # or its counts only
            _carry_verdicts(seal, final, aside)
            self.put(aside, outcome.export)
            return
        try:
            disk.replace(aside, final)
        except OSError:  # another run was first: the same bytes give the same folder
            if not (final / OUTCOME).exists():
                raise

    def outcome(self, export: str) -> Outcome | None:
        """The outcome of a landed export, None if it is not there."""
        data = _read_json(self.path(export) / OUTCOME)
        if data is None:
            return None
        return Outcome(**{**data, "next_reading": _date(data["next_reading"])})

    def record(self, night: date) -> NightRecord | None:
        """The record of one night."""
        data = _read_json(self.folder / "nights" / f"{night}.json")
        if data is None:
            return None
        dates = {name: _date(data.get(name)) for name in ("night", "loaded_night", "delivered")}
        return NightRecord(**{**data, **dates})

    def nights(self) -> list[date]:
        """The nights that have a record, in order."""
        found = (self.folder / "nights").glob("????-??-??.json")
        return sorted(date.fromisoformat(path.stem) for path in found)

    def records(self, until: date) -> Iterator[NightRecord]:
        """The records of all nights up to `until`, in order."""
        for night in self.nights():
            if night <= until and (record := self.record(night)) is not None:
                yield record

    def newest_first(self, until: date) -> Iterator[NightRecord]:
        """The same from the last one back: of many years of nights only a few are wanted."""
        for night in reversed(self.nights()):
            if night <= until and (record := self.record(night)) is not None:
                yield record

    def before(self, night: date) -> NightRecord | None:
        """The last record before `night`."""
        return next(self.newest_first(night - timedelta(days=1)), None)

    def save(self, record: NightRecord) -> NightRecord:
        """Replace the record of its night."""
        folder = self.folder / "nights"
        folder.mkdir(parents=True, exist_ok=True)
        disk.write_text(folder / f"{record.night}.json", _json(asdict(record)))
        return record


def _remove(left: Iterable[Path]) -> int:
    count = 0
    for path in sorted(left):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        count += 1
    return count


def _carry_verdicts(seal: Seal, old: Path, new: Path) -> None:
    """A reading that gives the same tables keeps the verdicts on them; another must be judged anew."""
    tables = [path.name for path in old.glob("*.parquet")]
    if all(_same(seal, new / name, old / name) for name in tables):
        for verdict in old.glob("verdict-*"):
            shutil.copytree(verdict, new / verdict.name)


def _same(seal: Seal, one: Path, other: Path) -> bool:
    """Whether two files hold the same rows; the bytes of what is encrypted always differ."""
    try:
        return bool(seal.read(one).equals(seal.read(other)))
    except FileNotFoundError:
        return False


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return data


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, default=str, ensure_ascii=False) + "\n"
