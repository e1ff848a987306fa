"""How long what is kept: each zone's period enforced, and what killed runs left removed.

In: settings and the day. Out: what went, in counts. What is in force is never touched, nor are receipts,
the tokens of who must stay out, nor any mission's own exports.

Of a landed export whose time is over only counts stay: its outcome, profile, signals and rule results, which
`quality` shows of its nights, and the suppression tokens of whom it withheld. The nights that it was in force on
can then no longer be derived: history keeps them as they are published (docs/adr/0025-erasure-and-retention.md).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from counterflow import keys
from counterflow.landing import OUTCOME, Landing, NightRecord
from counterflow.locks import exclusive
from counterflow.sealing import SPILL
from counterflow.settings import Settings

_ABANDONED = (
    86400.0  # seconds after which nobody works with a folder of what did not fit into memory
)


class TooLateError(Exception):
    """A night whose exports retention has removed can no longer be loaded."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What went of one zone."""

    zone: str
    what: str
    count: int

    def __str__(self) -> str:
        return f"{self.zone}: {self.count} {self.what}"

    def to_dict(self) -> dict[str, object]:
        """For logs and XCom."""
        return {"zone": self.zone, "what": self.what, "count": self.count}


def enforce(settings: Settings, day: date, airflow_logs: Path | None = None) -> list[Swept]:
    """Remove all whose period is over on `day`; what went, zones with nothing left out."""
    keep = settings.retention
    with exclusive(settings.build_lock) as built, exclusive(settings.landing_lock) as landed:
        found = [
            Swept("landing", "folders of killed runs", _tidy_landing(settings)),
            Swept("landing", "exports that no night names", _forgotten(settings)),
            Swept("landing", "verdicts that no night names", _verdicts(settings)),
            Swept(
                "landing",
                "exports reduced to counts",
                _exports(settings, _before(day, keep.exports)),
            ),
            Swept("landing", "night records", _records(settings, _before(day, keep.records))),
            Swept("lineage", "files of nights", _files(settings.lineages, _before(day, keep.logs))),
            Swept("build", "files of killed runs", _tidy_build(settings)),
            Swept("keys", "keys that were never used", _tidy_keys(settings)),
            Swept("releases", "folders that were never whole", _tidy_releases(settings)),
            Swept(
                "build",
                "dbt logs",
                _files(settings.build / "dbt" / "logs", _before(day, keep.logs)),
            ),
            Swept(
                "warehouse", "kept publications", _kept(settings, _before(day, keep.publications))
            ),
        ]
        dropped = _files(settings.drop, _before(day, keep.drops))
        found.append(Swept("drop", "exports that came by hand and were never landed", dropped))
        found.append(Swept("store", "objects of killed workers", built.sweep() + landed.sweep()))
    journals = _journals(settings, _before(day, keep.records))
    found.append(Swept("nights", "journals of nights", journals))
    if airflow_logs is not None:
        logs = _files(airflow_logs, _before(day, keep.logs))
        found.append(Swept("airflow", "logs", logs))
    return [one for one in found if one.count]


def horizon(settings: Settings) -> date | None:
    """The newest night that cannot be derived again, because an export of it holds only counts; None if none."""
    found = [record.night for landing in _landings(settings) for record in _gone(landing)]
    return max(found, default=None)


def refuse_too_late(settings: Settings, night: date) -> None:
    """Refuse a night at or before the horizon. Raises TooLateError."""
    last = horizon(settings)
    if last is not None and night <= last:
        raise TooLateError(
            f"the night {night} is past what is kept ({settings.retention.exports} days): the exports of nights up to "
            f"{last} are removed, so that neither it nor what came after could be derived. A file of that time "
            "can no longer be loaded; later nights can. See docs/engineers.md, Retention"
        )


def _gone(landing: Landing) -> Iterator[NightRecord]:
    """The records of nights of which an export holds only counts."""
    landed = {path.parent.name for path in (landing.folder / "exports").glob(f"[!.]*/{OUTCOME}")}
    reduced = landed - set(landing.whole_exports())
    for record in landing.records(date.max) if reduced else ():
        if reduced & {record.export, record.tried}:
            yield record


def _before(day: date, days: int) -> date:
    """The first day that is kept."""
    return day - timedelta(days=days)


def _landings(settings: Settings) -> list[Landing]:
    folders = sorted(settings.landing.glob("[A-Z][A-Z][A-Z]"))
    return [Landing(settings.landing, folder.name) for folder in folders]


def _tidy_landing(settings: Settings) -> int:
    return sum(landing.tidy() for landing in _landings(settings))


def _tidy_releases(settings: Settings) -> int:
    """What a killed release, revision or rotation left: put right as the next release would."""
    if not settings.releases.is_dir():
        return 0
    from counterflow.release import places

    def aside() -> int:
        folders = (settings.releases, settings.releases / ".inside")
        found = [path for folder in folders for path in folder.glob(".*") if path.is_dir()]
        return sum(path.name != ".inside" for path in found)

    before = aside()
    with places.locked(settings):
        return before - aside()


def _tidy_keys(settings: Settings) -> int:
    """Keys that were never used: somebody was killed between making one and giving it its name."""
    if not all((settings.keys / name).exists() for name in (keys.MASTER, keys.LINKING)):
        return 0  # somebody may be at it
    left = list(settings.keys.glob(".*.key-*"))
    for path in left:
        keys.shred(path)
    return len(left)


def _tidy_build(settings: Settings) -> int:
    from counterflow.warehouse.purge import tidy

    left = [
        path
        for name in ("sources-*", "manifest*", "gates*")
        for path in settings.build.glob(f".{name}")
    ]
    left += settings.home.glob(".format.json-*")
    left += settings.build.glob("earlier.duckdb*")  # history before a night that did not end
    left += [*settings.warehouse.glob(".manifest*"), *settings.erasures.glob(".*")]
    left += [*settings.build.glob(f"{SPILL}*"), *settings.warehouse.glob(f"**/{SPILL}*")]
    left += [path for path in settings.home.glob(f"{SPILL}-*") if _is_old(path)]
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return tidy(settings) + len(left)


def _is_old(spill: Path) -> bool:
    """Whether a folder of what did not fit into memory is a killed process's."""
    return time.time() - spill.stat().st_mtime > _ABANDONED


def _named(landing: Landing) -> dict[str, tuple[date, set[str]]]:
    """Export → the last night that names it, and the verdicts on it that nights name."""
    found: dict[str, tuple[date, set[str]]] = {}
    for record in landing.records(date.max):
        verdicts = {v for v in (record.verdict, record.tried_verdict) if v}
        for export in {record.export, record.tried} - {None}:
            last, known = found.get(str(export), (date.min, set()))
            found[str(export)] = max(last, record.night), known | verdicts
    return found


def _forgotten(settings: Settings) -> int:
    """Exports that were replaced on their own night, or whose ingest was killed before it was recorded."""
    count = 0
    for landing in _landings(settings):
        named = _named(landing)
        compared = {record.compared_with for record in landing.records(date.max)}
        for path in sorted((landing.folder / "exports").glob("[!.]*")):
            if path.name in named or (path.name in compared and not landing.is_whole(path.name)):
                continue
            if path.name in compared:  # its profile is what a later export was compared with
                landing.reduce(path.name)
            else:
                shutil.rmtree(path)
            count += 1
    return count


def _verdicts(settings: Settings) -> int:
    count = 0
    for landing in _landings(settings):
        for export, (_, verdicts) in _named(landing).items():
            for path in sorted(landing.path(export).glob("verdict-*")):
                if path.name not in verdicts:
                    shutil.rmtree(path)
                    count += 1
    return count


def _exports(settings: Settings, kept_from: date) -> int:
    """Reduce exports to counts that no night since `kept_from` names, and that are not in force."""
    count = 0
    for landing in _landings(settings):
        whole = set(landing.whole_exports())
        records = list(landing.records(date.max))
        in_force = {records[-1].export, records[-1].tried} if records else set()
        for export, (last, _) in _named(landing).items():
            if last < kept_from and export in whole and export not in in_force:
                landing.reduce(export)
                count += 1
    return count


def _records(settings: Settings, kept_from: date) -> int:
    """Night records before `kept_from`, of nights that can no longer be derived; a mission's newest stays."""
    last = horizon(settings)
    count = 0
    for landing in _landings(settings):
        paths = sorted((landing.folder / "nights").glob("????-??-??.json"))
        for path in paths[:-1]:
            night = date.fromisoformat(path.stem)
            if night < kept_from and last is not None and night <= last:
                path.unlink()
                count += 1
    return count


def _journals(settings: Settings, kept_from: date) -> int:
    """Journals of nights before `kept_from`, and what a kill left of one; the newest stays, as does who was told what."""
    with exclusive(settings.nights_lock):  # another run may be writing its own at this moment
        journals = sorted(settings.nights.glob("????-??-??.json"))[:-1]
        old = [path for path in journals if path.stem < str(kept_from)]
        left = [*old, *settings.nights.glob(".*")]
        for path in left:
            path.unlink()
    return len(left)


def _kept(settings: Settings, kept_from: date) -> int:
    """Kept publications of nights before `kept_from`; what analysts open stays, and the link to it."""
    published = settings.warehouse / "warehouse.duckdb"
    count = 0
    for path in sorted((settings.warehouse / "kept").glob("warehouse-*.duckdb")):
        night = datetime.strptime(path.name.split("-")[1], "%Y%m%d").date()
        if night < kept_from and not (published.exists() and path.samefile(published)):
            path.unlink()
            count += 1
    return count


def _files(folder: Path, kept_from: date) -> int:
    """Files below a folder that were last written before `kept_from`, and the folders that this empties."""
    count = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_symlink() or not path.exists():
            continue
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif datetime.fromtimestamp(path.stat().st_mtime, UTC).date() < kept_from:
            path.unlink()
            count += 1
    return count
