"""One release, built once, that tests look at and copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterflow.release import building, deciding, report
from counterflow.release.building import Built
from counterflow.settings import Settings
from tests.release.world import installation, publish, small

CASES = range(700)


@dataclass(frozen=True)
class World:
    """An installation with a release, or a candidate."""

    settings: Settings
    built: Built

    @property
    def releases(self) -> Path:
        return self.settings.releases


@pytest.fixture(scope="package")
def candidate_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    settings = installation(tmp_path_factory.mktemp("candidate"))
    publish(settings, CASES)
    return World(settings, building.build(settings, small()))


@pytest.fixture(scope="package")
def released_world(candidate_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = _copied(candidate_world, tmp_path_factory.mktemp("released"))
    deciding.approve(world.settings, world.built.number, world.built.digest, "desk")
    return world


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test makes for itself has pages without plots, which cost more than all the rest."""
    for name in ("lost", "marginals", "trend", "means"):
        monkeypatch.setattr(report.plots, name, lambda *_: "<svg></svg>")


Copy = Callable[[World], World]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A world of one's own, to break."""
    return lambda world: _copied(world, tmp_path)


def _copied(world: World, target: Path) -> World:
    home = target / "home"
    shutil.copytree(world.settings.home, home)
    return World(Settings(home=home, exports=target / "e", missions=target / "m"), world.built)
