"""When an export is overdue, and for how long a mission has been silent: cadence, deliveries and the night in.

Out: yes or no, a number of days, and the sentence that says whom to ask. A mission is late after its grace; it is
silent when nothing good has come for so long that its own desk is no longer enough (docs/runbooks/mission_silent.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from counterflow.contracts import Contract
from counterflow.contracts.model import Cadence
from counterflow.landing import NightRecord

_PERIODS = {"night": 1, "week": 7, "month": 31}
_MISSED = 3  # periods without an export after which a mission is silent, unless its contract says otherwise
_SHORTEST = 14  # nights, of a mission that exports every night
SILENT_PAGE = "docs/runbooks/mission_silent.md"
GOOD = ("loaded", "unchanged", "late")  # the newest delivery is in force


def is_overdue(cadence: Cadence, delivered: date, night: date) -> bool:
    """Whether the next export should have come, its grace included."""
    return night >= delivered + timedelta(days=_PERIODS[cadence.every] + cadence.grace)


def silent_after(cadence: Cadence) -> int:
    """Nights without an export after which the silence is told further up."""
    if cadence.silent is not None:
        return cadence.silent
    return max(_SHORTEST, _MISSED * _PERIODS[cadence.every] + cadence.grace)


def is_silent(cadence: Cadence, since: date, night: date) -> bool:
    """Whether nothing has come for far longer than the grace."""
    return (night - since).days >= silent_after(cadence)


def last_success(records: Iterable[NightRecord]) -> date | None:
    """The date of the last delivery that was taken, by the records of nights, newest first; None if none was."""
    for record in records:
        if record.status in GOOD and record.export is not None:
            return record.delivered or record.loaded_night
    return None


def late_message(contract: Contract, delivered: date, night: date) -> str:
    """What is late, since when, and whom to ask."""
    nights = (night - delivered).days
    said = (
        f"{contract.mission}: no new export for {nights} night{'s' * (nights != 1)} (grace "
        f"{contract.cadence.grace}). Its last good data stays. Ask {contract.steward} to export, or "
        f"check the connection {contract.source.connection}."
    )
    return said + escalation(contract, delivered, night)


def missing_message(contract: Contract, since: date, night: date) -> str:
    """What was never found, since which night, and whom to ask."""
    nights = (night - since).days
    waited = f" for {nights} nights" if nights > 1 else ""
    said = (
        f"{contract.mission}: nothing that fits `{contract.source.path}` has been delivered{waited}. "
        f"Ask {contract.steward}, or correct `source.path` in the contract."
    )
    return said + escalation(contract, since, night)


def escalation(contract: Contract, since: date, night: date) -> str:
    """What a silent mission's message goes on with; nothing if it is not silent."""
    if not is_silent(contract.cadence, since, night):
        return ""
    return (
        f" Silent for {(night - since).days} nights, far beyond its grace: tell whoever leads the missions, its "
        f"desk alone is not enough. See {SILENT_PAGE}"
    )
