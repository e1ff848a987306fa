"""A night settled anew on the nights before it, from landing alone: what it would be, had they been run in order.

In: the record of a mission's night and the one before it. Out: the record as the night would have
left it: the export that was newest then, on top of what is in force now. Nothing is pulled; an export that
was landed is judged again, one that could not be read stays refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from counterflow.contracts import Contract
from counterflow.fates import refuse_older, refused, without_export
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.lateness import is_overdue, late_message
from counterflow.settings import Settings
from counterflow.sources import Refused


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What a mission had delivered last: its date, its bytes' hash, and where they were landed."""

    dated: date
    sha256: str
    reading: str
    export: str | None


def restate(settings: Settings, contract: Contract, night: date) -> NightRecord | None:
    """Settle the mission's `night` on the record before it; `landed` where it is to be judged again.

    None, and nothing is done, for a night on which the mission had no run.
    """
    landing = Landing(settings.landing, contract.mission)
    now, before = landing.record(night), landing.before(night)
    if now is None:
        return None
    base = before or NightRecord(night, contract.mission, PENDING)
    if now.status == "failed" and now.tried is None:  # nobody knows what was delivered
        return landing.save(_on(base, now, "failed", now.message))
    own, earlier = _delivery(landing, now), _delivery(landing, before) if before else None
    newest = earlier if own is None or (earlier and earlier.dated > own.dated) else own
    if newest is None:
        return landing.save(without_export(contract, landing, night, before))
    if base.export is not None and base.export == newest.export:
        return landing.save(_unchanged(contract, base, newest, night))
    told = now if newest is own or before is None else before
    try:
        refuse_older(landing, night, newest.sha256)
    except Refused as error:
        return landing.save(
            _on(base, now, "refused", refused(contract.mission, error), newest.sha256)
        )
    if newest.export is None:
        return landing.save(_on(base, now, "refused", told.message, newest.sha256))
    return landing.save(
        base.with_(
            night=night,
            status=PENDING,
            tried=newest.export,
            tried_sha256=newest.sha256,
            reading=newest.reading,
            delivered=newest.dated,
            tried_verdict=None,
        )
    )


def _delivery(landing: Landing, record: NightRecord) -> _Delivery | None:
    """The newest delivery that a night knew of; None if there was none, or nobody knows."""
    if record.status == "missing" or (record.status == "failed" and record.tried is None):
        return None
    dated = record.delivered or record.night
    if record.tried_sha256 is None:  # unchanged or late: the bytes in force are the newest
        if record.export is None or record.export_sha256 is None:
            return None
        return _Delivery(dated, record.export_sha256, record.reading, record.export)
    landed = record.tried or landing.find(record.tried_sha256, record.reading, record.night)
    return _Delivery(dated, record.tried_sha256, record.reading, landed)


def _on(
    base: NightRecord, now: NightRecord, status: str, message: str, sha256: str | None = None
) -> NightRecord:
    """Nothing is taken tonight: what `base` has in force stays, and is stale."""
    return base.with_(
        night=now.night,
        status=status,
        message=message,
        is_stale=base.export is not None,
        tried=None,
        tried_sha256=sha256,
        tried_verdict=None,
        reading=now.reading if sha256 else base.reading,
        delivered=now.delivered,
    )


def _unchanged(
    contract: Contract, base: NightRecord, newest: _Delivery, night: date
) -> NightRecord:
    overdue = is_overdue(contract.cadence, newest.dated, night)
    return base.with_(
        night=night,
        status="late" if overdue else "unchanged",
        is_stale=overdue,
        tried=None,
        tried_sha256=None,
        tried_verdict=base.verdict,
        message=late_message(contract, newest.dated, night) if overdue else "",
        delivered=newest.dated,
    )


__all__ = ["restate"]
