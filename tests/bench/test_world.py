"""The worlds that are measured: second nights that change what they say, contracts that fit, files for peers."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from counterflow.bench import changes, contracts, world
from counterflow.bench.measuring import Done, Run
from counterflow.bench.parts import queries
from counterflow.bench.peers import wide
from counterflow.bench.world import NIGHT, SECOND, World
from counterflow.contracts import load_contract
from counterflow.sources.readers import read_tables
from counterflow.synthetic import Job, forms, plan
from counterflow.synthetic.deliver import deliver


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The first three missions with 400 cases, made in this process."""
    found = World(tmp_path_factory.mktemp("world"), 400)
    for job in few(found):
        deliver(job)
    return found


def few(small: World) -> list[Job]:
    return plan(small.root, 3, small.cases, world.SEED, first_night=NIGHT)


def exported(folder: Path) -> dict[str, bytes]:
    """The one export of each mission."""
    return {
        code.name: next(p for p in code.rglob("*.*") if p.name != "FORM.txt").read_bytes()
        for code in folder.iterdir()
    }


def test_on_the_second_night_one_mission_changed_and_the_others_sent_the_same(
    small: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "jobs", few)
    code = changes.one_mission(small, tmp_path / "second")
    before, after = exported(small.exports), exported(tmp_path / "second")
    assert [name for name in before if before[name] != after[name]] == [code]
    assert f"{SECOND:%Y}" in next((tmp_path / "second").rglob("*.zip")).name


def test_a_hundredth_of_the_rows_is_a_hundredth_of_the_rows(small: World, tmp_path: Path) -> None:
    job = next(job for job in few(small) if job.mission.code == "GHA")
    changes._changed(tmp_path, 10, job)
    before = exported(small.exports)["GHA"].decode("utf-8-sig").splitlines()
    after = exported(tmp_path)["GHA"].decode("utf-8-sig").splitlines()
    assert len(before) == len(after)
    differing = sum(a != b for a, b in zip(before, after, strict=True))
    assert job.size // 10 - 2 <= differing <= job.size // 10 + 2


def test_a_mission_too_large_for_its_workbook_sends_csv_that_its_contract_reads(
    small: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = dict(forms.LONGEST)
    job = next(job for job in few(small) if job.mission.code == "IDN")
    monkeypatch.setattr(forms, "LONGEST", dict.fromkeys(own, 10))
    deliver(replace(job, out=tmp_path))
    contracts.write(tmp_path / "missions", [job])
    contract = load_contract(tmp_path / "missions" / "IDN.yml")
    assert contract.source.format == "csv"
    path = tmp_path / "exports" / "IDN" / contract.source.path.format(night=NIGHT)
    as_text = read_tables({path.name: path.read_bytes()}, contract)["case"]
    book = load_contract(world.PROJECT / "dags/missions/IDN.yml")
    path = small.exports / "IDN" / book.source.path.format(night=NIGHT)
    as_book = read_tables({path.name: path.read_bytes()}, book)["case"]
    assert as_text.labels == as_book.labels
    assert as_text.technical == as_book.technical
    number = as_text.labels.index("Case ID")
    filled = [str(one) for one in as_book.columns[number] if str(one)]
    assert [str(one) for one in as_text.columns[number] if str(one)] == filled


def test_a_contract_of_a_mission_of_millions_allows_a_larger_export(
    small: World, tmp_path: Path
) -> None:
    job = few(small)[0]
    contracts.write(tmp_path / "missions", [replace(job, size=4_000_000)])
    raised = load_contract(tmp_path / "missions" / f"{job.mission.code}.yml").source
    usual = load_contract(world.PROJECT / "dags/missions" / f"{job.mission.code}.yml").source
    assert raised.limits.rows > usual.limits.rows
    assert raised.limits.unpacked == 4_000_000 * 4_000
    assert raised.format == usual.format


def test_peers_get_every_case_under_one_header(small: World, tmp_path: Path) -> None:
    headers = set()
    for job in few(small):
        with wide._one(tmp_path, job).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        headers.add(tuple(rows[0]))
        assert len(rows) - 1 >= job.size
        assert {len(row) for row in rows} == {len(rows[0])}
    (header,) = headers
    assert len(header) >= 40
    assert all(header)
    assert len(set(header)) == len(header)


def test_a_night_is_read_from_its_log() -> None:
    said = [("plan", 2.0, 10.0), ("validate", 3.0, 25.0), ("transform", 20.0, 45.0),
            ("gates", 2.0, 47.0), ("publish", 1.0, 48.0), ("pages", 4.0, 52.0)]  # fmt: skip
    lines = [
        json.dumps({"time": f"2026-01-01T00:00:{at:06.3f}+00:00", "step": step, "seconds": took})
        for step, took, at in said
    ]
    mission = (
        '{"time": "2026-01-01T00:00:12+00:00", "step": "ingest", "seconds": 1, "mission": "MDA"}'
    )
    began = 1767225600.0  # 2026-01-01, in seconds since 1970
    done = Done(began, Run(53.0, 80.0, 500.0), "", "\n".join(["no JSON", mission, *lines]))
    night = world.told(done)
    assert night.published == 48
    assert night.steps == {
        "start": 8, "ingest": 14, "validate": 3, "transform": 20, "gates": 2, "publish": 1,
        "pages": 4, "end": 1,
    }  # fmt: skip


def test_a_night_that_was_not_published_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="not published"):
        world.told(Done(0.0, Run(1), "", ""))


def test_an_emptied_home_keeps_its_keys(tmp_path: Path) -> None:
    found = World(tmp_path, 1)
    for name in ("keys", "landing", "warehouse"):
        (found.home / name).mkdir(parents=True)
    (found.home / "build.lock").touch()
    found.empty()
    assert [path.name for path in found.home.iterdir()] == ["keys"]


def test_all_queries_of_the_guide_are_asked() -> None:
    assert len(queries.queries(queries.GUIDE)) > 50


def test_the_heaviest_models_are_those_of_the_whole_build(tmp_path: Path) -> None:
    world_ = World(tmp_path, 1)
    assert world_.models() == {}
    build = world_.home / "build"
    build.mkdir(parents=True)
    results = {
        f"{kind}.counterflow.{name}": {"name": name, "type": kind, "seconds": seconds}
        for kind, name, seconds in [("model", f"m{n}", n) for n in range(9)]
        + [("test", "slow", 99)]
    }
    (build / "nodes.json").write_text(json.dumps({"results": results}), "utf-8")
    assert world_.models() == {f"m{n}": n for n in (8, 7, 6, 5, 4, 3)}


def test_a_home_that_is_put_back_has_the_same_landed_files(tmp_path: Path) -> None:
    """A landed file that was copied would be another export: the night after would be a full one."""
    world = World(tmp_path, 16)
    landed, built = world.home / "landing/ALB/exports/one/case.parquet", world.home / "build/file"
    for path in (landed, built):
        path.parent.mkdir(parents=True)
        path.write_text("as it was")
    was = landed.stat().st_ino
    (world.home / "build/kept").hardlink_to(built)
    world.keep("after")
    built.write_text("changed in place")
    landed.unlink()
    world.back("after")
    assert landed.stat().st_ino == was
    assert built.samefile(world.home / "build/kept")
    assert built.read_text() == landed.read_text() == "as it was"
