"""When an export is overdue: a contract's cadence, the date of the last delivery and the night in."""

from __future__ import annotations

from datetime import date, timedelta

from counterflow.contracts import Contract
from counterflow.contracts.model import Cadence

_PERIODS = {"night": 1, "week": 7, "month": 31}


def is_overdue(cadence: Cadence, delivered: date, night: date) -> bool:
    """Whether the next export should have come, its grace included."""
    return night >= delivered + timedelta(days=_PERIODS[cadence.every] + cadence.grace)


def late_message(contract: Contract, delivered: date, night: date) -> str:
    """What is late, since when, and whom to ask."""
    nights = (night - delivered).days
    return (
        f"{contract.mission}: no new export for {nights} night{'s' * (nights != 1)} (grace "
        f"{contract.cadence.grace}). Its last good data stays. Ask {contract.steward} to export, or "
        f"check the connection {contract.source.connection}."
    )
