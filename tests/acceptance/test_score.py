"""The oracle: what the synthetic missions' truth says is what analysts find, on every night."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from counterflow import keys, nightly
from counterflow.local import run_night
from counterflow.score import ScoreRefusedError, score
from counterflow.settings import PROJECT, Settings
from counterflow.shell import connect
from counterflow.synthetic import generate
from counterflow.warehouse.manifest import MANIFEST, read_manifest

FIRST = date(2010, 11, 25)
NIGHTS = 3
MISSIONS = 14  # all dialects, and every mission that something happens to on nights 2 and 3


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Synthetic exports of three nights, and their truth; nothing is loaded yet."""
    home = tmp_path_factory.mktemp("world")
    generate(home, MISSIONS, 900, 23, NIGHTS, FIRST, None)
    settings = Settings(home, home / "exports", _contracts(home))
    keys.begin(settings)  # those of every home that is compared with another
    return settings


def _contracts(home: Path) -> Path:
    """The contracts of the missions that were generated, with dialects and code lists."""
    folder = home / "missions"
    source = PROJECT / "dags" / "missions"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("[A-Z][A-Z][A-Z].yml"))
    for mission in (home / "exports").iterdir():
        shutil.copy(source / f"{mission.name}.yml", folder)
    return folder


@pytest.fixture(scope="module")
def every_dialect(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One night of all 72 missions; columns, rows and missions stand in another order."""
    home = tmp_path_factory.mktemp("dialects")
    generate(home, 72, 900, 31, 1, FIRST, None, shuffle=5)
    return Settings(home, home / "exports", PROJECT / "dags" / "missions")


def wrong(settings: Settings) -> list[object]:
    found = score(settings, settings.home / "truth")
    assert sum(c.compared for c in found) > 30_000
    assert {c.table for c in found} >= {
        "case",
        "control",
        "exploitation",
        "sexual_exploitation",
        "online_platform",
        "route_leg",
        "event",
        "perpetrator_role",
        "screening",
        "referral",
        "rows",
        "files",
    }
    return [c for c in found if c.equal != c.compared]


def hashes(settings: Settings) -> dict[str, tuple[int, str]]:
    manifest = read_manifest(settings.warehouse / MANIFEST)
    assert manifest is not None
    return dict(manifest.tables)


def test_every_dialect_is_as_the_truth_says_whatever_the_order(every_dialect: Settings) -> None:
    assert run_night(every_dialect, FIRST, quiet=True).published == FIRST
    assert not wrong(every_dialect)


def test_every_night_is_as_the_truth_says(world: Settings) -> None:
    statuses = []
    for number in range(NIGHTS):
        report = run_night(world, FIRST + timedelta(days=number), quiet=True)
        assert report.published == report.night, report.text
        statuses.append(set(report.statuses))
        assert wrong(world) == []
    assert statuses[0] == {"loaded"}
    assert statuses[1] == {"loaded", "unchanged", "late", "refused"}
    with connect(world) as warehouse:
        stale = warehouse.execute(
            "select mission_code, is_stale, rows_accepted > 0, message <> '' from quality.load "
            "where status in ('late', 'refused') order by all"
        ).fetchall()
        assert stale
        assert all(row[1:] == (True, True, True) for row in stale)
        kept = warehouse.execute(
            "select count(distinct mission_code) from core.fct_case"
        ).fetchone()
        assert kept == (MISSIONS,)


def test_truth_and_core_cover_each_other_or_there_is_no_score(
    world: Settings, tmp_path: Path
) -> None:
    truth = shutil.copytree(world.home / "truth", tmp_path / "truth")
    for path in truth.rglob("event.parquet"):
        path.rename(path.with_name("rumour.parquet"))
    with pytest.raises(ScoreRefusedError, match=r"truth's rumour.*nothing of core\.fct_event"):
        score(world, truth)
    shutil.copytree(world.home / "truth", truth, dirs_exist_ok=True)
    for path in truth.rglob("rumour.parquet"):
        path.unlink()
    for path in truth.rglob("case.parquet"):
        pq.write_table(pq.read_table(path).drop_columns("children_band"), path)
    with pytest.raises(ScoreRefusedError, match="says nothing of children_band"):
        score(world, truth)


@pytest.mark.slow
def test_half_of_the_missions_first_gives_the_hashes_of_all_at_once(
    world: Settings, tmp_path: Path
) -> None:
    codes = sorted(p.stem for p in world.missions.glob("[A-Z][A-Z][A-Z].yml"))
    homes = [replace(world, home=tmp_path / name) for name in ("once", "halves")]
    for settings in homes:
        shutil.copytree(world.keys, settings.keys)
    run_night(homes[0], FIRST, quiet=True)
    run_night(homes[1], FIRST, codes[: MISSIONS // 2], quiet=True)
    assert hashes(homes[1]) != hashes(homes[0])
    report = run_night(homes[1], FIRST, quiet=True)
    assert report.statuses == {"loaded": MISSIONS - MISSIONS // 2, "unchanged": MISSIONS // 2}
    assert hashes(homes[1]) == hashes(homes[0])


@pytest.mark.slow
def test_two_runs_at_once_are_one_after_the_other(world: Settings, tmp_path: Path) -> None:
    settings = replace(world, home=tmp_path, workers=1)
    shutil.copytree(world.keys, settings.keys)
    reports = []
    runs = [
        threading.Thread(target=lambda: reports.append(run_night(settings, FIRST, quiet=True)))
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(report.statuses.get("loaded", 0) for report in reports) == [0, MISSIONS]
    assert all(report.published == FIRST for report in reports)


def test_one_broken_code_in_one_contract_makes_the_score_fall(
    world: Settings, tmp_path: Path
) -> None:
    """The positive control of the oracle: it sees one wrong code."""
    settings = replace(world, home=tmp_path / "home", missions=tmp_path / "missions")
    shutil.copytree(world.missions, settings.missions)
    shutil.copytree(world.keys, settings.keys)
    shutil.copytree(world.home / "truth", settings.home / "truth")
    dialect = settings.missions / "dialects" / "legacy_ro.yml"
    text = dialect.read_text("utf-8")
    assert "divorţat(ă): divorced" in text
    dialect.write_text(text.replace("divorţat(ă): divorced", "divorţat(ă): widowed"), "utf-8")
    run_night(settings, FIRST, quiet=True)
    assert {(c.table, c.field) for c in wrong(settings)} == {("case", "marital_status")}


def test_a_score_without_a_warehouse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoreRefusedError, match="truth folder"):
        score(Settings(tmp_path, tmp_path, tmp_path), tmp_path)


@pytest.mark.slow
def test_a_repaired_contract_is_applied_without_the_exports(
    world: Settings, tmp_path: Path
) -> None:
    """Codes are mapped after landing: what was pulled once is enough to repair a mapping."""
    settings = replace(world, home=tmp_path / "home", missions=tmp_path / "missions")
    shutil.copytree(world.missions, settings.missions)
    shutil.copytree(world.keys, settings.keys)
    dialect = settings.missions / "dialects" / "legacy_ro.yml"
    right = dialect.read_text("utf-8")
    dialect.write_text(right.replace("divorţat(ă): divorced", "divorţat(ă): widowed"), "utf-8")
    run_night(settings, FIRST, quiet=True)
    dialect.write_text(right, "utf-8")
    without = replace(settings, exports=world.exports)
    assert nightly.plan(without, FIRST).changed == []
    run_night(without, FIRST, quiet=True)
    reference = replace(world, home=tmp_path / "reference")
    shutil.copytree(world.keys, reference.keys)
    run_night(reference, FIRST, quiet=True)
    assert hashes(without) == hashes(reference)
