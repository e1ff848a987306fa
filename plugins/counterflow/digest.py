"""What is new since people were last told: one short text a night, and nothing when nothing is new.

In: the records of a night and `nights/told.json`, which says of what trouble people know. Out: `News`, a line a
mission with the page that says what to do. A line whose words are not our own or a contract's is not sent
(warehouse.sentences): nothing of an export can get into a mail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from counterflow import contracts, disk
from counterflow.landing import Landing, NightRecord
from counterflow.lateness import SILENT_PAGE
from counterflow.nights import Journal
from counterflow.settings import Settings
from counterflow.warehouse.manifest import published_night
from counterflow.warehouse.sentences import Said, ours, said

TOLD = "told.json"
NIGHT = "night"  # in place of a mission, of what concerns the night as a whole
PAGES = {
    "late": "mission_late",
    "missing": "mission_late",
    "silent": "mission_silent",
    "refused": "mission_refused",
    "failed": "mission_failed",
    "gates": "gate_failed",
    "transform": "build_failed",
    "plan": "night_failed",
    "validate": "night_failed",
    "publish": "gate_failed",
    "unpublished": "night_failed",
}


@dataclass(frozen=True, slots=True)
class News:
    """One thing that people do not know yet. `trouble` is empty where it is over."""

    who: str  # a mission, or NIGHT
    trouble: str
    was: str
    text: str

    @property
    def page(self) -> str:
        """The runbook that says what to do, or how to check that it is cured."""
        return f"{PAGES[self.trouble or self.was]}.md"


@dataclass(frozen=True, slots=True)
class Digest:
    """The news of a night, and what all of them together are called."""

    night: date
    published: bool
    news: tuple[News, ...]
    pages: str  # where runbooks are: a folder or an address

    @property
    def subject(self) -> str:
        """One line: whether the night was published, and how much is new."""
        state = "published" if self.published else "NOT published"
        count = f"{len(self.news)} new" if self.news else "nothing new"
        return f"Counterflow, night {self.night}: {state}, {count}"

    @property
    def text(self) -> str:
        """The news, worst first, each with its page."""
        lines = [self.subject, ""]
        for one in self.news:
            lines += [
                f"{one.who} {one.trouble or 'recovered'}: {one.text}",
                f"    {self.pages}{one.page}",
                "",
            ]
        lines.append("All of the night: counterflow status")
        return "\n".join(lines)

    def of(self, missions: Iterable[str]) -> Digest:
        """The same for who answers for some missions only."""
        own = set(missions)
        return Digest(
            self.night, self.published, tuple(n for n in self.news if n.who in own), self.pages
        )


_WORST_FIRST = ("failed", "refused", "silent", "missing", "late", "")


def digest(settings: Settings, night: date, book: Journal) -> Digest:
    """What is new of a night."""
    told, known = _told(settings), said(settings.missions)
    records = _records(settings, night)
    news = [
        News(code, now, was, _words(record, now, known, records))
        for code, record in records.items()
        if (now := trouble(record)) != (was := told.get(code, ""))
    ]
    news.sort(key=lambda one: (_WORST_FIRST.index(one.trouble), one.who))
    published = (published_night(settings) or date.min) >= night and not book.failed_step
    state = "" if published else book.failed_step or "unpublished"
    if state != (was := told.get(NIGHT, "")):
        news.insert(0, News(NIGHT, state, was, _of_night(book, state)))
    return Digest(night, published, tuple(news), settings.notices.pages)


def trouble(record: NightRecord) -> str:
    """What is wrong with a mission: `late`, `missing`, `silent`, `refused`, `failed`, or nothing."""
    return trouble_of(record.status, record.message)


def trouble_of(status: str, message: str) -> str:
    """The same from a line of a report."""
    if status in ("late", "missing"):
        return "silent" if SILENT_PAGE in message else status
    return status if status in ("refused", "failed") else ""


def remember(settings: Settings, news: Sequence[News]) -> None:
    """Write down that people know."""
    known = _told(settings) | {one.who: one.trouble for one in news}
    path = settings.nights / TOLD
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({who: what for who, what in sorted(known.items()) if what}, indent=1)
    disk.write_text(path, text + "\n")


def _told(settings: Settings) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((settings.nights / TOLD).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}  # then everything is told once more
    return {who: what for who, what in found.items() if what in PAGES}


def _records(settings: Settings, night: date) -> dict[str, NightRecord]:
    found = {}
    for path in contracts.contract_files(settings.missions):
        record = Landing(settings.landing, path.stem).record(night)
        if record is not None:
            found[path.stem] = record
    return found


def _words(record: NightRecord, now: str, known: Said, missions: Mapping[str, object]) -> str:
    """What is said of a mission: its record's message, if every word of it is ours or its contract's."""
    if not now:
        return f"its export is {record.status} again"
    if record.message and ours(record.message, known, missions):
        return record.message
    return "what its record says is not sent, because a word of it is not known here: see `counterflow status`"


def _of_night(book: Journal, state: str) -> str:
    """What is said of the night; never the text of what stopped it, which may name what a build holds."""
    if not state:
        return "it is published again"
    if book.gates:
        return f"not published, gates that failed: {', '.join(book.gates)}. What analysts open is as it was"
    if state == "unpublished":
        return "the night did not come to its publication. What analysts open is as it was"
    return f"stopped in the step {state}. What analysts open is as it was"
