"""Killed with -9 in every step: the next run ends as if nothing had happened. `make chaos` does it many times over.

A few kills that hit every step, before changes of the file system that were chosen so that there is something to
repair; the points between all the changes of a landing, a ledger and a key are cheap, and tried one by one.
"""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from counterflow import keys, nightly
from counterflow.landing import Landing
from counterflow.release import ledger
from counterflow.settings import Settings
from tests.chaos import checking, killing
from tests.chaos.killing import Point
from tests.chaos.trials import Ground, Trial, step
from tests.chaos.world import SECOND


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("chaos"))


def hit(ground: Ground, name: str, stage: str, *parts: float) -> Trial:
    """Kill a step in one stage, after a part of its changes; several parts, several kills."""
    one = step(name)
    points = [at(ground, name, stage, 1, part) for part in parts]
    trial = ground.trial(one, stage, points)
    assert len(trial.points) == len(points), (trial, "not killed")
    return trial


def at(ground: Ground, name: str, stage: str, call: int, part: float) -> Point:
    """The point of a call of a stage after a part of its changes."""
    calls = [one for one in ground.calls[name] if one.stage == stage]
    return Point(stage, call, event=max(1, round(part * calls[call - 1].events)))


def resume(settings: Settings) -> None:
    """The last steps of a night whose build is whole, as a task that is tried again begins with its own."""
    nightly.gates(settings, SECOND)
    nightly.publish(settings, SECOND)


def fine(trial: Trial) -> bool:
    assert trial.wrong == [], trial
    assert trial.hashes_equal, trial
    assert trial.rows_lost == 0, trial
    return True


def test_a_night_killed_in_step_after_step_is_published_all_the_same(ground: Ground) -> None:
    """One night, killed in each of its steps in turn, each time by a run that came further."""
    chosen = [
        ("plan", 1, 0.5),
        ("fetch", 1, 1.0),
        ("land", 1, 0.6),
        ("ingest", 2, 0.6),
        ("validate", 1, 0.6),
        ("build", 1, 0.15),
        ("gates", 1, 0.9),
        ("publish", 1, 0.7),
    ]
    points = [at(ground, "night", *one) for one in chosen]
    trial = ground.trial(step("night"), "all", points, resumed=lambda s: resume(s))
    assert trial.points == [str(point) for point in points]
    assert fine(trial)
    assert trial.opened > 10  # an analyst never met a file that did not open


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("release", (0.3, 0.4)),
        ("erase", (0.5,)),
        ("rotate", (0.6, 0.3)),
        ("rotate", (0.99,)),
        ("maintenance", (0.5,)),
    ],
)
def test_what_is_no_night_is_killed_and_ends(
    ground: Ground, name: str, parts: tuple[float, ...]
) -> None:
    trial = hit(ground, name, name, *parts)
    assert fine(trial)


def test_a_kill_is_a_kill_and_a_fault_is_seen(ground: Ground, tmp_path: Path) -> None:
    """The control: a run that is killed and not run again is not as if nothing had happened."""
    one = step("night")
    settings = ground.world.copy(one.before, "control")
    ended = ground.ended(one, settings, Point("build", event=500))
    assert ended.killed
    found = ground.must(lambda: checking.wrong(settings, ground.expected[one.after]))
    assert {problem.partition(":")[0] for problem in found} >= {"tables", "promised", "load"}
    (settings.landing / "ALB" / "exports" / ".0123-half").mkdir()
    (settings.warehouse / "warehouse.duckdb.tmp").write_text("half")
    (settings.keys / "master.next.key").write_text("5a")
    assert "warehouse/warehouse.duckdb.tmp" in checking.orphans(settings)
    assert checking.bad_secrets(settings) == ["keys/master.next.key is left"]
    with settings.build_lock.path.open("r+") as held:
        import fcntl

        fcntl.flock(held, fcntl.LOCK_EX)
        assert checking.held_locks(settings) == ["build.lock is held"]
    looked: dict[str, Any] = {}
    published = settings.warehouse / "warehouse.duckdb"
    published.rename(tmp_path / "away")
    with checking.reader(settings, looked):
        import time

        time.sleep(0.5)
    assert looked["failed"]


def test_a_landed_export_that_is_replaced_is_there_whatever_the_kill(ground: Ground) -> None:
    """Between all the renames of a replacement, the next run finds the export again."""
    for event in itertools.count(1, 2):
        settings = ground.world.home("put")
        shutil.rmtree(settings.landing, ignore_errors=True)
        shutil.copytree(ground.world.home("two").landing, settings.landing)
        landing = Landing(settings.landing, "ALB")
        record = landing.record(SECOND)
        assert record is not None
        assert record.export is not None
        export = record.export

        def replace(landing: Landing = landing, export: str = export) -> None:
            landing.reduce(export)

        ended = killing.run(replace, Point("put", event=event), "put")
        nightly.mend(settings)
        assert (landing.path(export) / "outcome.json").exists(), event
        assert list((landing.folder / "exports").glob(".*")) == []
        if not ended.killed:
            break
    assert event > 8


def test_half_a_line_of_the_ledger_is_taken_away(tmp_path: Path) -> None:
    """A kill or a full disk leaves half a line; a line that is whole was relied on and stays."""
    ledger.append(tmp_path, "candidate", "001", digest="a")
    with (tmp_path / ledger.FILE).open("a") as file:
        file.write('{"digest": "b", "event": "rel')
    assert ledger.broken(tmp_path)
    ledger.append(tmp_path, "released", "001", digest="a")
    assert ledger.broken(tmp_path) == []
    assert [entry["event"] for entry in ledger.read(tmp_path)] == ["candidate", "released"]


def test_keys_are_whole_or_not_there(tmp_path: Path) -> None:
    for event in itertools.count(1):
        folder = tmp_path / f"keys{event}"
        ended = killing.run(
            lambda folder=folder: str(keys.init(folder)), Point("keys", event=event), "keys"
        )  # type: ignore[misc]
        for path in folder.glob("[!.]*"):
            assert len(keys.read_file(path)) == 32
        keys.init(folder)
        assert sorted(path.name for path in folder.glob("[!.]*")) == [keys.LINKING, keys.MASTER]
        if not ended.killed:
            break
    assert event > 6


def test_points_are_the_same_for_the_same_seed(ground: Ground) -> None:
    def drawn(seed: int) -> list[Point]:
        points = ground.points(step("night"), "build", ("change", "time"), random.Random(seed))
        return list(itertools.islice(points, 10))

    assert drawn(3) == drawn(3) != drawn(4)
