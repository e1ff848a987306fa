"""Rounds of nights: a changed night begins where the full one ended, and one that fails loses no other figure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow.bench import changes
from counterflow.bench.measuring import Run
from counterflow.bench.options import Options
from counterflow.bench.parts import scale
from counterflow.bench.results import Part, record
from counterflow.bench.world import NIGHT, SECOND, STEPS, Night, World
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest

Nights = Callable[..., Night]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A home in which a night leaves its date, and exports that say what changed."""

    def one(world: World, folder: Path, night: date = SECOND) -> str:
        (folder / "one").mkdir(parents=True)
        return "LAO"

    def night(self: World, night: date = NIGHT, exports: Path | None = None) -> Night:
        before = sorted(p.name for p in self.home.iterdir())
        assert before == ([] if night == NIGHT else [str(NIGHT)])
        (self.home / str(night)).touch()
        seconds = 10.0 if night == NIGHT else 2.0 if "one" in str(exports) else 3.0
        return Night(Run(seconds, 1, 100), dict.fromkeys(STEPS, seconds / len(STEPS)), seconds)

    monkeypatch.setattr(changes, "one_mission", one)
    monkeypatch.setattr(changes, "everywhere", one)
    monkeypatch.setattr(scale, "_share", lambda *_: "1.0% of the published cases changed.")
    monkeypatch.setattr(World, "night", night)
    made = World(tmp_path, 500)
    made.home.mkdir()
    return made


def test_changed_nights_follow_each_full_one(world: World) -> None:
    part = Part("scale")
    full = scale._size(Options(world.root, 2), world, part)
    assert len(full.runs) == 2
    assert part.values == {"500: one mission ÷ full": 0.2, "500: everywhere ÷ full": 0.3}
    assert part.ratios == list(part.values)
    assert [figure.runs for figure in part.figures] == [2, 2, 2]
    assert set(part.nights) == {"500", "500, one mission", "500, everywhere"}
    assert [path.name for path in world.root.iterdir()] == ["home"], "nothing is left beside it"


def test_a_changed_night_that_fails_loses_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = World.night

    def night(self: World, night: date = NIGHT, exports: Path | None = None) -> Night:
        if night == SECOND and "every" in str(exports):
            raise RuntimeError("the night was not published")
        return well(self, night, exports=exports)

    monkeypatch.setattr(World, "night", night)
    part = Part("scale")
    scale._size(Options(world.root, 1), world, part)
    assert part.values == {"500: one mission ÷ full": 0.2}
    assert any("failed" in note for note in part.notes)


def test_the_night_after_one_of_the_huge_size_goes_on_from_its_home(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, nights = Options(tmp_path, 1, (1, 2, 3, 500)), []

    def night(self: World, night: date = NIGHT, exports: Path | None = None) -> Night:
        nights.append(night)
        tables = {"core.fct_case": (1, "2-0-0")}
        write_manifest(self.home / "warehouse" / MANIFEST, Build(night, "id", tables, (), 1.0))
        seconds = 10.0 if exports is None else 2.0
        return Night(Run(seconds, 1, 100), dict.fromkeys(STEPS, 0.1), seconds)

    monkeypatch.setattr(Options, "world", lambda *_: world)
    monkeypatch.setattr(World, "night", night)
    monkeypatch.setattr(scale, "ROOM", {})
    (world.home / "warehouse").mkdir()
    monkeypatch.setattr(World, "empty", lambda _: None)
    full = scale.huge(options)
    assert full.values == {"seconds": 10.0, "memory": 100}
    record(full, options.docs)
    for _ in range(2):
        part = scale.huge_changed(options)
        assert part.values == {"500: one mission ÷ full": 0.2}
        assert set(part.nights) == {"500, one mission"}
    assert nights == [NIGHT, SECOND, SECOND + timedelta(days=1)]


def test_what_takes_long_runs_less_often() -> None:
    options = Options(Path(), 5)
    assert [options.times(seconds) for seconds in (5, 59, 100, 300)] == [5, 5, 3, 1]
