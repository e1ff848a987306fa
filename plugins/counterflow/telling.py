"""Telling people of a night: the digest by mail and chat, each desk its own missions, and what became of it.

In: settings and a night. Out: what was sent where, in the night's journal. What could not be sent is told again the next
night: people are told of something once, or of a failing channel's news more often, and never not at all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from counterflow import contracts, nights, notifying
from counterflow.contracts import ContractError
from counterflow.digest import Digest, digest, remember
from counterflow.settings import Settings
from counterflow.warehouse.history import newest_night


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a digest: how much was new, and channel → `sent` or why not."""

    news: int
    channels: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """The channels that were not reached."""
        return sorted(f"{name} ({why})" for name, why in self.channels.items() if why != "sent")

    @property
    def text(self) -> str:
        """For a log."""
        if not self.channels:
            return f"{self.news} new, and nobody to tell (COUNTERFLOW_MAIL_TO, COUNTERFLOW_CHAT)"
        sent = [name for name, why in self.channels.items() if why == "sent"]
        said = f"{self.news} new, told by {', '.join(sent) or 'nothing'}"
        if self.failed:
            said += f"; not by {', '.join(self.failed)}. See docs/runbooks/notification_failed.md"
        return said


def tell(settings: Settings, night: date) -> Told:
    """Tell what is new of the newest night; of an older one that is run again, nothing."""
    book = nights.journal(settings, night)
    if newest_night(settings, night) != night:
        return Told(0, {})
    found = digest(settings, night, book)
    channels: dict[str, str] = {}
    if found.news or settings.notices.heartbeat:
        channels = notifying.send(settings, found.subject, found.text)
        if settings.notices.desks:
            channels |= _tell_desks(settings, found)
    if channels and all(why == "sent" for why in channels.values()):
        remember(settings, found.news)
    told = Told(len(found.news), channels)
    if channels or not found.news:
        book.news, book.told = told.news, channels
        book.save(settings)
    return told


def _tell_desks(settings: Settings, found: Digest) -> dict[str, str]:
    """Each desk the news of its own missions, where Airflow knows its address."""
    desks: dict[str, list[str]] = defaultdict(list)
    for one in found.news:
        path = settings.missions / f"{one.who}.yml"
        try:
            desks[contracts.load_contract(path).steward].append(one.who)
        except (ContractError, OSError):
            continue  # a contract that cannot be read names no desk: the digest has the line
    done = {}
    for desk, missions in sorted(desks.items()):
        own = found.of(missions)
        became = notifying.send_to_desk(settings, desk, own.subject, own.text)
        if became:
            done[desk] = became
    return done
