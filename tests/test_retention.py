"""What is older than its period goes, what is in force stays, and the past that it was made of is still told."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.landing import Landing, NightRecord
from counterflow.missions import mission_keys
from counterflow.quarantine import failing
from counterflow.retention import TooLateError, enforce, horizon
from counterflow.sealing import Seal
from counterflow.settings import Retention, Settings
from counterflow.warehouse.sources import write_sources
from tests.support import NIGHT, Agency, case, export

NIGHTS = [NIGHT + timedelta(days=n) for n in range(4)]


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    """ALB sends another export each night, BLR the same one always."""
    made = Agency(tmp_path, missions=("ALB", "BLR"))
    made.settings = replace(made.settings, retention=Retention(exports=2, records=3, logs=5))
    made.deliver("BLR", export(), NIGHTS[0])
    for number, night in enumerate(NIGHTS):
        rows = [case(n, **({"Sex": "X"} if n <= number else {})) for n in range(30)]
        made.deliver("ALB", export(rows), night)
    return made


def load(agency: Agency, *nights: date) -> None:
    for night in nights:
        for mission in nightly.plan(agency.settings, night).changed:
            nightly.ingest(agency.settings, night, mission)
        nightly.validate(agency.settings, night)


def swept(settings: Settings, day: date) -> dict[str, int]:
    return {one.what: one.count for one in enforce(settings, day)}


def records(settings: Settings, mission: str) -> list[NightRecord]:
    return list(Landing(settings.landing, mission).records(date.max))


def quality(settings: Settings, night: date) -> dict[str, list[tuple[object, ...]]]:
    """The sources of the tables that hold all nights."""
    keys = {m: mission_keys(settings, m) for m in ("ALB", "BLR")}
    write_sources(settings, night, keys)
    seal, folder = Seal.of(settings), settings.build / "sources"
    found = {}
    for name in ("load", "signal", "rule_result"):
        rows = seal.read(folder / name / f"{name}.parquet").to_pylist()
        found[name] = sorted((tuple(row.values()) for row in rows), key=repr)
    return found


def test_an_export_out_of_force_leaves_counts_and_its_nights_are_still_told(agency: Agency) -> None:
    settings = agency.settings
    load(agency, *NIGHTS)
    before = quality(settings, NIGHTS[-1])
    assert len(before["signal"]) >= 4
    assert swept(settings, NIGHTS[3]) == {"exports reduced to counts": 1}
    landing = Landing(settings.landing, "ALB")
    exports = [str(r.export) for r in records(settings, "ALB")]
    assert [landing.is_whole(export) for export in exports] == [False, True, True, True]
    left = {p.name for p in landing.path(exports[0]).rglob("*") if p.is_file()}
    assert left == {
        "outcome.json", "profile.parquet", "signals.parquet", "withheld.parquet", "results.parquet", "verdict.json",
    }  # fmt: skip
    blr = Landing(settings.landing, "BLR")
    assert blr.is_whole(str(records(settings, "BLR")[0].export))  # old, and in force
    assert quality(settings, NIGHTS[-1]) == before
    assert {one.mission for one in failing(settings, NIGHTS[0])} == set()
    assert {one.mission for one in failing(settings, NIGHTS[1])} == {"ALB"}
    assert swept(settings, NIGHTS[3]) == {}


def test_a_night_whose_exports_are_gone_is_refused_and_later_ones_are_not(agency: Agency) -> None:
    settings = agency.settings
    load(agency, *NIGHTS)
    enforce(settings, NIGHTS[3])
    assert horizon(settings) == NIGHTS[0]
    for night in (NIGHTS[0], NIGHTS[0] - timedelta(days=9)):
        with pytest.raises(TooLateError, match=r"past what is kept .* up to 2010-11-25"):
            nightly.plan(settings, night)
    load(agency, NIGHTS[1], NIGHTS[2])
    agency.deliver("ALB", export([case(n, Sex="M") for n in range(30)]), NIGHTS[1])  # late
    load(agency, NIGHTS[1])
    assert records(settings, "ALB")[1].status == "loaded"


def test_bytes_that_come_again_are_read_again(agency: Agency) -> None:
    """The export of night 1 was reduced; the mission insists on it."""
    settings = agency.settings
    load(agency, *NIGHTS)
    enforce(settings, NIGHTS[3])
    first = (settings.exports / "ALB" / f"outgoing/cases_{NIGHTS[0]:%Y%m%d}.zip").read_bytes()
    for days in (4, 5):
        agency.deliver("ALB", first, NIGHT + timedelta(days=days))
        load(agency, NIGHT + timedelta(days=days))
    last = records(settings, "ALB")[-1]
    assert (last.status, last.export) == ("loaded", records(settings, "ALB")[0].export)
    assert Landing(settings.landing, "ALB").is_whole(str(last.export))


def test_records_go_after_their_own_time_and_never_the_newest(agency: Agency) -> None:
    settings = agency.settings
    load(agency, *NIGHTS)
    far = NIGHT + timedelta(days=100)
    aside = settings.nights / ".2010-11-25.json-1"  # a kill left it
    aside.touch()
    assert swept(settings, far) == {
        "exports reduced to counts": 3,
        "night records": 6,
        "journals of nights": 4,
    }
    assert not aside.exists()
    assert {path.stem for path in settings.nights.glob("2*.json")} == {str(NIGHTS[3])}
    assert [r.night for r in records(settings, "ALB")] == [NIGHTS[3]]
    assert [r.night for r in records(settings, "BLR")] == [NIGHTS[3]]
    assert swept(settings, far) == {"exports that no night names": 2}  # a third gives its profile
    load(agency, NIGHTS[3])  # what is in force still is
    assert records(settings, "ALB")[-1].rows_read == 60


def test_what_killed_runs_left_goes(agency: Agency) -> None:
    settings = agency.settings
    load(agency, NIGHTS[0])
    exports = settings.landing / "ALB" / "exports"
    (whole,) = exports.glob("[!.]*")
    left = [exports / ".half-1234", whole / ".tmp-verdict-1", settings.build / ".sources-1"]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"x")
    (settings.warehouse / "kept").mkdir(parents=True)
    files = [settings.warehouse / "kept" / ".warehouse-1.duckdb", settings.build / "earlier.duckdb"]
    files += [settings.build / ".gates.json-1", settings.keys / ".master.key-1"]
    files.append(settings.releases / ".making-001" / "README.md")
    files[-1].parent.mkdir(parents=True)
    for file in files:
        file.write_bytes(b"x")
    left += files
    assert sum(swept(settings, NIGHTS[0]).values()) == 8
    assert sorted(path.name for path in settings.keys.iterdir()) == ["linking.key", "master.key"]
    assert not any(path.exists() for path in left)
    assert Landing(settings.landing, "ALB").is_whole(whole.name)


def test_verdicts_and_exports_that_no_night_names_go(agency: Agency) -> None:
    settings = agency.settings
    load(agency, NIGHTS[0])
    (whole,) = (settings.landing / "ALB" / "exports").glob("[!.]*")
    (whole / "verdict-00000000").mkdir()
    agency.deliver("ALB", export([case(n, Sex="M") for n in range(30)]), NIGHTS[0])
    load(agency, NIGHTS[0])
    assert swept(settings, NIGHTS[0]) == {"exports that no night names": 1}
    (named,) = (settings.landing / "ALB" / "exports").glob("[!.]*")
    assert named != whole
    (named / "verdict-00000000").mkdir()
    assert swept(settings, NIGHTS[0]) == {"verdicts that no night names": 1}


def test_logs_and_kept_publications_go_by_age(agency: Agency, tmp_path: Path) -> None:
    settings = agency.settings
    day = date(2026, 11, 25)
    logs = tmp_path / "logs"
    for folder in (logs / "dag" / "run", settings.build / "dbt" / "logs", settings.lineages):
        folder.mkdir(parents=True)
        for name, days in (("old.log", 6), ("new.log", 4)):
            (folder / name).write_text("x")
            moment = datetime(2026, 11, 25, 12, tzinfo=UTC) - timedelta(days=days)
            os.utime(folder / name, (moment.timestamp(),) * 2)
    kept = settings.warehouse / "kept"
    kept.mkdir(parents=True)
    for name in ("20261001-a", "20261101-b"):
        (kept / f"warehouse-{name}.duckdb").write_bytes(b"x")
    (kept / "warehouse-20250101-c.duckdb").write_bytes(b"y")
    os.link(kept / "warehouse-20250101-c.duckdb", settings.warehouse / "warehouse.duckdb")
    found = {(one.zone, one.count) for one in enforce(settings, day, logs)}
    assert found == {("build", 1), ("lineage", 1), ("warehouse", 1), ("airflow", 1)}
    assert {p.name for p in kept.iterdir()} == {"warehouse-20261101-b.duckdb", "warehouse-20250101-c.duckdb"}  # fmt: skip
    assert [p.name for p in logs.rglob("*.log")] == ["new.log"]


@pytest.mark.parametrize("text", ["0", "-1", "ninety", "1.5", ""])
def test_a_period_that_is_no_number_of_days_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("COUNTERFLOW_KEEP_EXPORTS_DAYS", text)
    with pytest.raises(ValueError, match="COUNTERFLOW_KEEP_EXPORTS_DAYS"):
        Settings.from_env()
