"""Missions whose export is not taken tonight: what their record says, and whom to ask.

In: a mission's landing, the night and why. Out: its record, saved: the last good data stays in force
with its own counts, and is stale. No message holds a value of the export.
"""

from __future__ import annotations

import traceback
from datetime import date
from pathlib import Path
from typing import Any

from counterflow.contracts import Contract, ContractError
from counterflow.landing import Landing, NightRecord
from counterflow.lateness import is_overdue, last_success, late_message, missing_message
from counterflow.settings import PROJECT, Settings
from counterflow.sources import LinkRefusedError, Refused, UnreachableError
from counterflow.sources.errors import ReaderFault

_SETTLED = ("loaded", "unchanged", "late")


def open_record(landing: Landing, night: date) -> None:
    """Write down that the mission is not done: ingest replaces it, and a kill leaves it standing."""
    if landing.record(night) is None:
        message = (
            f"{landing.mission}: its ingest did not end (killed, or out of memory); nothing of its export "
            "was taken. Run the night again. See docs/runbooks/mission_failed.md"
        )
        stale(landing, night, "failed", message)


def without_export(
    contract: Contract, landing: Landing, night: date, before: NightRecord | None
) -> NightRecord:
    """Nothing is delivered that fits the contract; what was in force before stays."""
    known = landing.nights()
    since = last_success(landing.newest_first(night)) or min([night, *known])
    message = missing_message(contract, since, night)
    base = before or NightRecord(night, contract.mission, "missing")
    return base.with_(
        night=night,
        status="missing",
        is_stale=base.export is not None,
        message=message,
        tried=None,
        tried_sha256=None,
        tried_verdict=None,
    )


def standing(landing: Landing, night: date, status: str) -> NightRecord:
    """The record whose export is in force: tonight's, if a run of tonight loaded one, or the last."""
    now = landing.record(night)
    if now is not None and now.export is not None:
        return now
    return landing.before(night) or NightRecord(night, landing.mission, status)


def superseded(landing: Landing, night: date, dated: date) -> bool:
    """Whether an export of a newer date than `dated` is in force: one that came by hand while the link was down."""
    record = landing.record(night)
    if record is None or record.export is None:
        record = landing.before(night)
    if record is None or record.export is None or record.loaded_night is None:
        return False
    loaded = landing.record(record.loaded_night)
    delivered = loaded.delivered if loaded is not None else None
    return delivered is not None and delivered > dated


def kept(
    contract: Contract, landing: Landing, night: date, delivered: date | None = None
) -> NightRecord:
    """What was in force before stays, as on a night without anything new.

    `delivered`: the date of what the mission delivers again, if it does.
    """
    before = landing.before(night)
    assert before is not None
    delivered = delivered or before.delivered
    assert delivered is not None
    overdue = is_overdue(contract.cadence, delivered, night)
    return landing.save(
        before.with_(
            night=night,
            status="late" if overdue else "unchanged",
            is_stale=overdue,
            tried=None,
            tried_sha256=None,
            tried_verdict=before.verdict,
            message=late_message(contract, delivered, night) if overdue else "",
            delivered=delivered,
        )
    )


def stale(landing: Landing, night: date, status: str, message: str, **changes: Any) -> NightRecord:
    """Tonight's export is not taken: the last good one stays in force, its counts with it."""
    base = standing(landing, night, status)
    changes = {"tried": None, "tried_sha256": None, "tried_verdict": None, **changes}
    return landing.save(
        base.with_(
            night=night,
            status=status,
            message=message,
            is_stale=base.export is not None,
            **changes,
        )
    )


def place(error: BaseException) -> str:
    """Where in our code an exception came from, as `file.py:12`."""
    ours = str(PROJECT / "plugins")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(ours)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"


def fault(error: BaseException) -> str:
    """A fault of the program: its type and its place in our code, never its text."""
    if isinstance(error, ReaderFault):
        return f"a fault of the program ({error.kind} at {error.where})"
    return f"a fault of the program ({type(error).__name__} at {place(error)})"


def mark_failed(settings: Settings, night: date, mission: str, error: BaseException) -> NightRecord:
    """A fault of the program: its place in our code and its type, never its text."""
    if isinstance(error, LinkRefusedError | UnreachableError):
        landing = Landing(settings.landing, mission)
        link_failed(landing, night, error)
        return landing.record(night) or standing(landing, night, "failed")
    if isinstance(error, ContractError):
        message = f"{mission}: its contract cannot be used: {error}"
    else:
        message = f"{mission}: {fault(error)}; nothing of its export was taken. See docs/runbooks/mission_failed.md"
    return stale(Landing(settings.landing, mission), night, "failed", message)


def link_failed(landing: Landing, night: date, error: BaseException) -> str:
    """A server that could not be used. A night that an earlier run has loaded is not unmade by it."""
    ours = isinstance(error, LinkRefusedError | UnreachableError)
    said = str(error) if ours else "its server did not answer"
    message = f"{landing.mission}: {said.rstrip('.')}. Nothing of its export was taken"
    if "docs/runbooks" not in message:
        message += ". See docs/runbooks/server_unreachable.md"
    now = landing.record(night)
    if now is None or now.status not in _SETTLED:
        stale(landing, night, "failed", message)
    return message


def refused(mission: str, error: Refused) -> str:
    """The message of an export that is refused before it is landed."""
    return f"{mission}: export refused ({error.code}): {error}"


def refuse_older(landing: Landing, night: date, sha256: str) -> None:
    """Refuse bytes that were in force before and have been replaced since."""
    earlier = [r for r in landing.records(night) if r.night < night and r.export_sha256]
    if not earlier or earlier[-1].tried_sha256 == sha256:
        return  # the mission insists: it delivered the same bytes again after they were refused
    if earlier[-1].export_sha256 != sha256:
        first = next((r for r in earlier if r.export_sha256 == sha256), None)
        if first is not None:
            raise Refused(
                "older_export",
                f"these are the bytes of the export of {first.loaded_night}, which a newer one has replaced",
                "Ask the mission for its newest export",
            )
