"""Plan, ingest and validation of a night: what did not change costs nothing, what is missing is said."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from counterflow import local, nightly
from counterflow.fates import mark_failed
from counterflow.keys import KeyRefusedError
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.settings import Settings
from tests.support import NIGHT, Agency, case, export

SECOND = NIGHT + timedelta(days=1)


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    for mission in made.missions:
        made.deliver(mission, export())
    return made


def run(agency: Agency, on: date, *missions: str) -> dict[str, str]:
    plan = nightly.plan(agency.settings, on, missions or None)
    for mission in plan.changed:
        nightly.ingest(agency.settings, on, mission)
    nightly.validate(agency.settings, on, missions or None)
    report = nightly.report(agency.settings, on, plan.statuses)
    return {line.mission: line.status for line in report.lines}


def landed(agency: Agency) -> dict[str, pa.Table]:
    """Every landed Parquet file, by path, with its rows in their order."""
    root, seal = agency.settings.landing, Seal.of(agency.settings)
    return {str(p.relative_to(root)): seal.read(p) for p in sorted(root.rglob("*.parquet"))}


def test_half_of_the_missions_first_and_all_then_is_all_at_once(
    agency: Agency, tmp_path: Path
) -> None:
    other = Agency(tmp_path / "other")
    for mission in other.missions:
        other.deliver(mission, export())
    mission_keys(agency.settings, "ALB")
    shutil.copytree(agency.settings.keys, other.settings.keys)
    assert run(agency, NIGHT, "ALB", "CIV") == {"ALB": "loaded", "CIV": "loaded"}
    assert run(agency, NIGHT) == {"ALB": "unchanged", "BLR": "loaded", "CIV": "unchanged"}
    run(other, NIGHT)
    assert landed(agency) == landed(other)


def test_the_same_night_again_is_no_work(agency: Agency) -> None:
    run(agency, NIGHT)
    before = {p: p.stat().st_mtime_ns for p in agency.settings.landing.rglob("*")}
    assert nightly.plan(agency.settings, NIGHT).changed == []
    assert set(run(agency, NIGHT).values()) == {"unchanged"}
    after = {
        p: p.stat().st_mtime_ns
        for p in agency.settings.landing.rglob("*")
        if p.suffix == ".parquet"
    }
    assert after.items() <= before.items()
    assert Landing(agency.settings.landing, "ALB").record(NIGHT).status == "loaded"


def test_a_run_that_was_killed_after_landing_is_taken_up_again(agency: Agency) -> None:
    plan = nightly.plan(agency.settings, NIGHT)
    for mission in plan.changed:
        nightly.ingest(agency.settings, NIGHT, mission)
    assert Landing(agency.settings.landing, "ALB").record(NIGHT).status == PENDING
    assert set(run(agency, NIGHT).values()) == {"loaded"}


def test_a_landing_folder_that_was_not_finished_is_not_seen(agency: Agency) -> None:
    run(agency, NIGHT)
    folder = agency.settings.landing / "ALB" / "exports"
    whole = next(folder.iterdir())
    whole.rename(folder / f".{whole.name}-deadbeef")  # as a kill in the middle leaves it
    assert nightly.plan(agency.settings, NIGHT).changed == ["ALB"]


@pytest.mark.parametrize(("grace", "status"), [(0, "late"), (1, "unchanged")])
def test_a_mission_is_late_after_its_grace(agency: Agency, grace: int, status: str) -> None:
    agency.contract("BLR", "missing:", f"cadence: {{every: night, grace: {grace}}}\nmissing:")
    run(agency, NIGHT)
    for mission in ("ALB", "CIV"):
        agency.deliver(mission, export(), SECOND)
    assert run(agency, SECOND) == {"ALB": "unchanged", "BLR": status, "CIV": "unchanged"}
    record = Landing(agency.settings.landing, "BLR").record(SECOND)
    assert record.is_stale == (status == "late")
    assert record.rows_accepted == 60
    assert ("test-desk" in record.message) == (status == "late")


def test_a_mission_that_never_delivered_is_missing(agency: Agency) -> None:
    for path in (agency.settings.exports / "BLR").rglob("*.zip"):
        path.unlink()
    assert run(agency, NIGHT)["BLR"] == "missing"
    record = Landing(agency.settings.landing, "BLR").record(NIGHT)
    assert (record.export, record.rows_read, record.is_stale) == (None, 0, False)
    assert "outgoing/cases_" in record.message


def test_a_repaired_mapping_needs_no_new_reading(agency: Agency) -> None:
    agency.deliver("BLR", export([case(n, Sex="W" if n == 3 else "F") for n in range(30)]))
    run(agency, NIGHT)
    landing = Landing(agency.settings.landing, "BLR")
    assert landing.record(NIGHT).rows_quarantined == 2  # the case and its means of control
    agency.contract("BLR", "F: feminine", "F: feminine, W: feminine")
    plan = nightly.plan(agency.settings, NIGHT)
    assert plan.changed == []
    nightly.validate(agency.settings, NIGHT)
    assert landing.record(NIGHT).rows_quarantined == 0
    assert landing.record(NIGHT).rows_accepted == 60


def test_a_changed_column_in_the_contract_needs_one(agency: Agency) -> None:
    run(agency, NIGHT)
    agency.contract("BLR", "from: Labour, codes", "from: Labour , codes")  # the same after cleaning
    agency.contract("BLR", 'date: "%d.%m.%Y"}', 'date: ["%d.%m.%Y", "%Y-%m-%d"]}')
    assert nightly.plan(agency.settings, NIGHT).changed == ["BLR"]


def test_a_date_that_was_in_the_future_is_read_again_when_it_is_not(agency: Agency) -> None:
    rows = [case(n) for n in range(30)]
    rows[4] = case(4, Registered=SECOND.strftime("%d.%m.%Y"))
    for mission in agency.missions:
        agency.deliver(mission, export(rows))
        agency.deliver(mission, export(rows), SECOND)
    run(agency, NIGHT)
    first = Landing(agency.settings.landing, "ALB").record(NIGHT)
    run(agency, SECOND)
    second = Landing(agency.settings.landing, "ALB").record(SECOND)
    assert (first.rows_quarantined, second.rows_quarantined) == (2, 0)
    assert (second.status, second.loaded_night) == ("unchanged", NIGHT)


def test_an_unknown_mission_is_said_before_anything_is_done(agency: Agency) -> None:
    with pytest.raises(ValueError, match="XXX"):
        nightly.plan(agency.settings, NIGHT, ["ALB", "XXX"])
    assert not agency.settings.landing.exists()


def test_a_broken_contract_fails_its_mission_alone(agency: Agency) -> None:
    agency.contract("BLR", "gender:", "gendr:")
    assert run(agency, NIGHT) == {"ALB": "loaded", "BLR": "failed", "CIV": "loaded"}
    message = Landing(agency.settings.landing, "BLR").record(NIGHT).message
    assert "BLR.yml:" in message
    assert "gender" in message


def test_a_contract_that_breaks_later_leaves_the_last_good_data(agency: Agency) -> None:
    run(agency, NIGHT)
    nightly.transform(agency.settings, NIGHT)
    agency.contract("BLR", "gender:", "gendr:")
    for mission in agency.missions:
        agency.deliver(mission, export([case(n, Sex="M") for n in range(30)]), SECOND)
    assert run(agency, SECOND) == {"ALB": "loaded", "BLR": "failed", "CIV": "loaded"}
    nightly.transform(agency.settings, SECOND)
    with Seal.of(agency.settings).opened(agency.settings.build / "warehouse.duckdb") as built:
        genders = built.execute(
            "select mission_code, gender, count(*) from core.fct_case group by all order by all"
        ).fetchall()
    assert genders == [("ALB", "masculine", 30), ("BLR", "feminine", 30), ("CIV", "masculine", 30)]


def test_a_far_future_date_costs_no_reading_until_its_month(agency: Agency) -> None:
    """A row that is dated years ahead is quarantined, and its export is not read again each night."""
    rows = [case(n) for n in range(30)]
    rows[4] = case(4, Registered="17.03.2099")
    for mission in agency.missions:
        agency.deliver(mission, export(rows))
        agency.deliver(mission, export(rows), SECOND)
    run(agency, NIGHT)
    assert nightly.plan(agency.settings, SECOND).changed == []
    names = [p.name for p in (agency.settings.landing / "ALB" / "exports").iterdir()]
    assert "2099" not in str(names)


def test_a_late_mission_is_late_also_if_its_export_must_be_read_again(agency: Agency) -> None:
    rows = [case(n) for n in range(30)]
    rows[4] = case(4, Registered=SECOND.strftime("%d.%m.%Y"))
    agency.deliver("BLR", export(rows))
    run(agency, NIGHT)
    for mission in ("ALB", "CIV"):
        agency.deliver(mission, export(), SECOND)
    assert run(agency, SECOND)["BLR"] == "late"
    record = Landing(agency.settings.landing, "BLR").record(SECOND)
    assert (record.is_stale, record.rows_accepted) == (True, 60)


def test_a_refused_export_is_judged_again_when_its_contract_is_repaired(agency: Agency) -> None:
    """The same night, without pulling anything: the assertion was wrong, not the export."""
    agency.contract("BLR", "min: 5", "min: 500")
    assert run(agency, NIGHT)["BLR"] == "refused"
    assert run(agency, NIGHT)["BLR"] == "refused"
    agency.contract("BLR", "min: 500", "min: 5")
    plan = nightly.plan(agency.settings, NIGHT)
    assert plan.changed == []
    nightly.validate(agency.settings, NIGHT)
    record = Landing(agency.settings.landing, "BLR").record(NIGHT)
    assert (record.status, record.rows_accepted, record.is_stale) == ("loaded", 60, False)


def test_a_lost_key_is_not_replaced_by_a_new_one(agency: Agency) -> None:
    run(agency, NIGHT)
    (agency.settings.keys / "master.key").unlink()
    with pytest.raises(KeyRefusedError, match="backup"):
        nightly.plan(agency.settings, SECOND)
    assert not (agency.settings.keys / "master.key").exists()


def test_an_ingest_that_is_killed_leaves_its_mission_failed_and_the_last_good_data(
    agency: Agency,
) -> None:
    run(agency, NIGHT)
    for mission in agency.missions:
        agency.deliver(mission, export([case(n, Sex="M") for n in range(30)]), SECOND)
    plan = nightly.plan(agency.settings, SECOND)
    for mission in plan.changed:
        if mission != "BLR":  # its worker is killed before it writes anything
            nightly.ingest(agency.settings, SECOND, mission)
    nightly.validate(agency.settings, SECOND)
    record = Landing(agency.settings.landing, "BLR").record(SECOND)
    assert (record.status, record.is_stale, record.rows_accepted) == ("failed", True, 60)
    assert "did not end" in record.message
    assert run(agency, SECOND)["BLR"] == "loaded"


def test_the_record_of_a_worker_that_died_is_written_under_the_lock(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maintenance, which holds it alone, removes what stands aside in landing."""
    watched: list[str] = []

    def marked(settings: Settings, night: date, mission: str, error: BaseException) -> NightRecord:
        with settings.landing_lock.path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        watched.append(mission)
        return mark_failed(settings, night, mission, error)

    monkeypatch.setattr(local, "mark_failed", marked)
    monkeypatch.setattr(nightly, "ingest", lambda *_: os._exit(9))  # as the kernel ends one
    missions = nightly.plan(agency.settings, NIGHT).changed
    settings = replace(agency.settings, workers=2)
    local._ingest(settings, NIGHT, missions, False, lambda *_: None)
    assert sorted(watched) == sorted(agency.missions)
    record = Landing(settings.landing, "BLR").record(NIGHT)
    assert record is not None
    assert (record.status, "BrokenProcessPool" in record.message) == ("failed", True)
