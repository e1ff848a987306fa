"""Whether last night was good, and what to do if not: one screen for whoever is woken at three in the morning.

In: what lies on the disk: journals of nights, records, the manifest, keys, free space, backups. Out: `Standing`, with the verdict
first. Neither Airflow nor DuckDB is asked, so that it answers at once, and when they are down.

`good`: published, nothing to do. `look`: published, somebody has work in the morning. `bad`: act now.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from counterflow import keys, nights
from counterflow.digest import PAGES, trouble_of
from counterflow.nightly import report
from counterflow.observing import publication_age
from counterflow.reporting import Report
from counterflow.settings import Settings
from counterflow.warehouse.manifest import published_night

GOOD, LOOK, BAD = "good", "look", "bad"
HOUR = 2  # UTC, at which dags/nightly.py starts
_ROOM = 2 * 1024**3  # bytes that a night may need: less is a night that may not end
_BACKUP_DAYS = 8


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the verdict is not good, how bad it is, and the page that helps."""

    verdict: str
    text: str
    page: str

    def to_dict(self) -> dict[str, str]:
        """For `--json`."""
        return {"verdict": self.verdict, "text": self.text, "page": self.page}


@dataclass(frozen=True, slots=True)
class Standing:
    """All of the screen."""

    report: Report
    reasons: tuple[Reason, ...]
    facts: tuple[tuple[str, str], ...]  # name, said

    @property
    def verdict(self) -> str:
        """The worst of the reasons."""
        found = {one.verdict for one in self.reasons}
        return next((one for one in (BAD, LOOK) if one in found), GOOD)

    def to_dict(self) -> dict[str, Any]:
        """The report of the night, and what else is known."""
        return self.report.to_dict() | {
            "verdict": self.verdict,
            "reasons": [one.to_dict() for one in self.reasons],
            "facts": dict(self.facts),
        }


def standing(settings: Settings) -> Standing | None:
    """How things stand now; None if no night was ever begun."""
    published, begun = published_night(settings), nights.newest(settings)
    found = [night for night in (published, begun) if night is not None]
    if not found:
        return None
    night = max(found)
    book, told = nights.journal(settings, night), report(settings, night)
    reasons = (
        *_of_the_night(night, published, book),
        *_of_missions(settings, told),
        *_of_the_machine(settings),
    )
    worst_first = sorted(reasons, key=lambda one: (BAD, LOOK).index(one.verdict))
    return Standing(told, tuple(worst_first), tuple(_facts(settings, published)))


def _of_the_night(night: date, published: date | None, book: nights.Journal) -> Iterator[Reason]:
    if step := book.failed_step:
        page = "gate_failed" if book.gates else PAGES[step]
        yield Reason(BAD, f"{night} stopped in {step}: {book.stopped}", page)
    elif published is None or published < night:
        last = next(reversed(book.steps), "its beginning")
        yield Reason(
            BAD, f"{night} is not published; it came to {last}, and may still run", "night_failed"
        )
    for channel in book.untold:
        yield Reason(LOOK, f"not told by {channel} ({book.told[channel]})", "notification_failed")


def _of_missions(settings: Settings, told: Report) -> Iterator[Reason]:
    bad = [line for line in told.lines if line.status in ("failed", "refused")]
    if len(bad) > settings.max_failed_share * len(told.lines):
        text = f"{len(bad)} of {len(told.lines)} missions failed or were refused: the fault is probably ours"
        yield Reason(BAD, text, "gate_failed")
    for line in told.lines:
        if wrong := trouble_of(line.status, line.message):
            yield Reason(LOOK, line.message or f"{line.mission}: {line.status}", PAGES[wrong])


def _of_the_machine(settings: Settings) -> Iterator[Reason]:
    try:
        if settings.key_source == "files":  # a vault is not asked: it may be far away
            keys.keyring(settings)
    except keys.KeyRefusedError as refused:
        yield Reason(BAD, str(refused), "key_refused")
    age = publication_age(settings)
    if age is not None and age > settings.max_age_hours * 3600:
        text = f"nothing was published for {_ago(age)}: does the scheduler run, and is the DAG `nightly` on?"
        yield Reason(BAD, text, "deadline_passed")
    free = shutil.disk_usage(settings.home).free
    if free < _ROOM:
        yield Reason(
            BAD, f"only {free / 1024**3:.1f} GB are free under {settings.home}", "night_failed"
        )
    last = last_backup(settings)
    if last is not None and _since(last) > timedelta(days=_BACKUP_DAYS):
        yield Reason(LOOK, f"the last backup is {_since(last).days} days old", "restore")


def _facts(settings: Settings, published: date | None) -> Iterator[tuple[str, str]]:
    age = publication_age(settings)
    ago = f", {_ago(age)} ago" if age is not None else ""
    yield "published", f"{published}{ago}" if published else "nothing yet"
    yield "keys", _keys(settings)
    usage = shutil.disk_usage(settings.home)
    yield "disk", f"{usage.free / 1024**3:,.1f} of {usage.total / 1024**3:,.1f} GB free"
    last = last_backup(settings)
    said = (
        f"night {last['night']}, {_ago(_since(last).total_seconds())} ago, in {last['folder']}"
        if last
        else ""
    )
    yield "backup", said or "none: `counterflow backup DIR`"
    now = datetime.now(UTC)
    run = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    run += timedelta(days=run <= now)
    by = f", to be published by {settings.deadline}" if settings.deadline else ""
    yield "next run", f"{run:%Y-%m-%d %H:%M} UTC{by}, if Airflow runs"


def _keys(settings: Settings) -> str:
    if settings.key_source != "files":
        return "in Airflow's secrets backends, which are not asked here"
    try:
        ring = keys.keyring(settings)
    except keys.KeyRefusedError:
        return "cannot be used"
    return f"{ring.key_id} and {ring.linking_id} in {settings.keys}"


def last_backup(settings: Settings) -> dict[str, str] | None:
    """The newest line of what `counterflow backup` wrote down: when, night, folder, file."""
    try:
        lines = settings.backups.read_text("utf-8").splitlines()
        return dict(json.loads(lines[-1]))
    except (OSError, ValueError, IndexError):
        return None


def _since(backup: dict[str, str]) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(backup["when"])


def _ago(seconds: float) -> str:
    hours = int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h" if hours else f"{max(0, int(seconds // 60))} min"
