"""What is measured on: exports of so many cases, contracts that fit them, a home, and nights in it.

In: a number of cases. Out: a `World` in a folder that is kept between runs, because making 1.6 million
cases takes minutes; it is made anew when the generator has changed. Generation is never part of a figure.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from counterflow.bench import contracts
from counterflow.bench.measuring import Done, Run, command, say
from counterflow.bench.results import TUNED
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import Job, generate, plan
from counterflow.warehouse.reuse import RECORD

NIGHT = date(2010, 11, 25)
SECOND = NIGHT + timedelta(days=1)
SEED, MISSIONS = 7, 72
STEPS = ("start", "ingest", "validate", "transform", "gates", "publish", "pages", "end")
_KEPT = ("keys", "airflow")  # of a home that is emptied; Airflow may be running in it
_HEAVIEST = 6  # dbt's models


@dataclass(frozen=True, slots=True)
class Night:
    """One night: what it took, its steps' seconds, and the seconds until analysts had the new file."""

    run: Run
    steps: dict[str, float]
    published: float


@dataclass(frozen=True, slots=True)
class World:
    """A folder with `exports/`, `missions/` and `home/` of so many cases."""

    root: Path
    cases: int

    @classmethod
    def of(cls, folder: Path, cases: int) -> World:
        """The world in `folder`, made if it is not there or is of another generator."""
        world = cls(folder / str(cases), cases)
        mark = world.root / "made"
        if not mark.exists() or mark.read_text("utf-8") != _generator():
            say(f"making {cases:,} cases")
            shutil.rmtree(world.root, ignore_errors=True)
            generate(world.root, MISSIONS, cases, SEED, first_night=NIGHT)
            shutil.rmtree(world.root / "truth")
            mark.write_text(_generator(), "utf-8")
        contracts.write(world.missions, world.jobs())
        return world

    @property
    def home(self) -> Path:
        """COUNTERFLOW_HOME."""
        return self.root / "home"

    @property
    def exports(self) -> Path:
        """The exports of the first night."""
        return self.root / "exports"

    @property
    def missions(self) -> Path:
        """The contracts."""
        return self.root / "missions"

    def jobs(self) -> list[Job]:
        """How its missions' exports were made."""
        return plan(self.root, MISSIONS, self.cases, SEED, first_night=NIGHT)

    def environment(self, exports: Path | None = None) -> dict[str, str]:
        """That of a command that works on it; of settings of whoever runs the bench only those of `TUNED`."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("COUNTERFLOW_") or name in TUNED
        }
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return kept | {
            "COUNTERFLOW_HOME": str(self.home),
            "COUNTERFLOW_EXPORTS": str(exports or self.exports),
            "COUNTERFLOW_MISSIONS": str(self.missions),
            "COUNTERFLOW_CONNECTIONS": "none",
            "COUNTERFLOW_LOG": "json",
        }

    def settings(self) -> Settings:
        """The same for a call in this process."""
        return Settings(
            home=self.home, exports=self.exports, missions=self.missions, connections="none"
        )

    def empty(self) -> None:
        """Take everything out of the home that a night makes; its keys stay, and its Airflow."""
        for path in self.home.iterdir() if self.home.exists() else ():
            if path.name not in _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def keep(self, name: str) -> None:
        """Remember the home as it is under a name."""
        shutil.rmtree(self.root / name, ignore_errors=True)
        self._copy(self.home, self.root / name)

    def back(self, name: str) -> None:
        """Make the home what it was when it was kept."""
        shutil.rmtree(self.home, ignore_errors=True)
        self._copy(self.root / name, self.home)

    @staticmethod
    def _copy(home: Path, to: Path) -> None:
        """A home with the very files of its landing, which are never changed in place: copies would be other exports to the next
        night. A file of two names, as a publication has, keeps both.
        """
        landing = f"{home / 'landing'}/"
        named: dict[int, str] = {}

        def put(source: str, target: str) -> None:
            first = source if source.startswith(landing) else named.get(Path(source).stat().st_ino)
            if first is not None:
                os.link(first, target)
                return
            shutil.copy2(source, target)
            named[Path(source).stat().st_ino] = target

        shutil.copytree(home, to, symlinks=True, copy_function=put)

    def run(self, *arguments: str, exports: Path | None = None) -> Done:
        """A command of Counterflow's, as a user gives it."""
        return command([counterflow(), *arguments], self.environment(exports))

    def night(self, night: date = NIGHT, *options: str, exports: Path | None = None) -> Night:
        """`counterflow nightly`, with the seconds of its steps. Raises RuntimeError if nothing was published."""
        done = self.run("nightly", "--night", str(night), *options, exports=exports)
        return told(done)

    def models(self) -> dict[str, float]:
        """The heaviest models of the last build and their seconds of the wall, threads side by side."""
        path = self.home / "build" / RECORD
        if not path.exists():
            return {}
        results = json.loads(path.read_text("utf-8"))["results"].values()
        took = {one["name"]: float(one["seconds"]) for one in results if one["type"] == "model"}
        return dict(sorted(took.items(), key=lambda item: -item[1])[:_HEAVIEST])


def counterflow() -> str:
    """The command of this environment."""
    return str(Path(sys.executable).with_name("counterflow"))


def told(done: Done) -> Night:
    """The night that a command's log tells of. Raises RuntimeError if it was not published."""
    ends: dict[str, float] = {}
    took: dict[str, float] = {}
    for line in done.stderr.splitlines():
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        if "step" in said and "mission" not in said:
            ends[said["step"]] = datetime.fromisoformat(said["time"]).timestamp() - done.began
            took[said["step"]] = float(said["seconds"])
    if "publish" not in ends:
        raise RuntimeError(f"the night was not published: {done.stderr[-2000:]}")
    begins = {step: ends[step] - took[step] for step in ends}
    steps = {
        "start": begins["plan"],
        # reading the plan and every mission, until the first verdict is asked for
        "ingest": begins["validate"] - begins["plan"],
        **{step: took[step] for step in ("validate", "transform", "gates", "publish")},
        "pages": took.get("pages", 0.0),
    }
    steps["end"] = done.run.seconds - sum(steps.values())
    return Night(
        done.run, {step: round(max(0.0, steps[step]), 2) for step in STEPS}, ends["publish"]
    )


def _generator() -> str:
    """What the exports depend on."""
    held = hashlib.sha256()
    for path in sorted((PROJECT / "plugins/counterflow/synthetic").rglob("*.py")):
        held.update(path.read_bytes())
    return held.hexdigest()
