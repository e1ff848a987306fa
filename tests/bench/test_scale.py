"""Rounds of nights: a changed night begins where the full one ended, and one that fails loses no other figure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from counterflow.bench import changes
from counterflow.bench.measuring import Run
from counterflow.bench.options import Options
from counterflow.bench.parts import scale
from counterflow.bench.results import Part
from counterflow.bench.world import NIGHT, SECOND, STEPS, Night, World

Nights = Callable[..., Night]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A home in which a night leaves its date, and exports that say what changed."""

    def one(world: World, folder: Path) -> str:
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
    monkeypatch.setattr(scale, "_changes", lambda _: 0.01)
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
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Options, "world", lambda *_: world)
    monkeypatch.setattr(scale, "ROOM", {})
    part = scale.huge(Options(world.root, 1))
    assert part.values == {"seconds": 10.0, "memory": 100, "500: one mission ÷ full": 0.2}
    assert part.ratios == ["500: one mission ÷ full"]
    assert set(part.nights) == {"500", "500, one mission"}
    assert [path.name for path in world.root.iterdir()] == ["home"], "nothing is left beside it"


def test_what_takes_long_runs_less_often() -> None:
    options = Options(Path(), 5)
    assert [options.times(seconds) for seconds in (5, 59, 100, 300)] == [5, 5, 3, 1]
