"""Late, missing, silent: how long nothing good has come, and from when on that is told further up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.contracts.model import Cadence
from counterflow.landing import Landing, NightRecord
from counterflow.lateness import is_overdue, is_silent, last_success, silent_after
from counterflow.warehouse import sources
from tests.support import NIGHT, Agency, export


@pytest.mark.parametrize(
    ("cadence", "late", "silent"),
    [
        (Cadence(every="night"), 1, 14),
        (Cadence(every="night", grace=20), 21, 23),
        (Cadence(every="week", grace=2), 9, 23),
        (Cadence(every="month", grace=5), 36, 98),
        (Cadence(every="night", grace=1, silent=4), 2, 4),
    ],
)
def test_first_late_then_silent(cadence: Cadence, late: int, silent: int) -> None:
    nights = [NIGHT + timedelta(days=n) for n in range(120)]
    assert [is_overdue(cadence, NIGHT, n) for n in nights].index(True) == late
    assert (
        [is_silent(cadence, NIGHT, n) for n in nights].index(True)
        == silent
        == silent_after(cadence)
    )


def night(agency: Agency, on: date) -> NightRecord:
    plan = nightly.plan(agency.settings, on)
    for mission in plan.changed:
        nightly.ingest(agency.settings, on, mission)
    nightly.validate(agency.settings, on)
    record = Landing(agency.settings.landing, "ALB").record(on)
    assert record is not None
    return record


def test_a_silent_mission_is_told_further_up_with_its_runbook(tmp_path: Path) -> None:
    agency = Agency(tmp_path, missions=("ALB",))
    agency.deliver("ALB", export())
    night(agency, NIGHT)
    late = night(agency, NIGHT + timedelta(days=13))
    silent = night(agency, NIGHT + timedelta(days=14))
    assert (late.status, silent.status) == ("late", "late")  # the statuses are fixed
    assert "docs/runbooks" not in late.message
    assert "Silent for 14 nights" in silent.message
    assert "docs/runbooks/mission_silent.md" in silent.message


def test_who_never_delivered_is_counted_from_the_first_night_that_missed_it(
    tmp_path: Path,
) -> None:
    agency = Agency(tmp_path, missions=("ALB",))
    first = night(agency, NIGHT)
    assert "has been delivered. Ask" in first.message
    later = night(agency, NIGHT + timedelta(days=20))
    assert "delivered for 20 nights" in later.message
    assert "mission_silent" in later.message


def test_days_since_the_last_success_are_counted_from_what_was_taken() -> None:
    def record(days: int, status: str, delivered: int | None) -> NightRecord:
        dated = None if delivered is None else NIGHT + timedelta(days=delivered)
        return NightRecord(
            NIGHT + timedelta(days=days), "ALB", status, export="x", delivered=dated, withheld={}
        )

    records = [
        NightRecord(NIGHT, "ALB", "missing"),
        record(1, "loaded", 1),
        record(2, "unchanged", 2),  # the same bytes under a new date: the mission did deliver
        record(3, "refused", 3),
        record(4, "failed", None),
        record(9, "late", 2),
    ]
    counted = sources._loads(records).column("days_since_success").to_pylist()
    assert counted == [None, 0, 0, 1, 2, 7]
    assert last_success(reversed(records[:5])) == NIGHT + timedelta(days=2)
    assert last_success(records[:1]) is None
