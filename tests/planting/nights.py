"""Nights over planted exports, with all that they leave behind in one folder.

In: a folder. Out: `Planting`: its exports, the settings of a home, and `left`, where every byte that is
written by the night ends up: home, temporary files, what is printed and what is logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from counterflow import nightly
from counterflow.sealing import Seal
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import forms
from counterflow.synthetic.deliver import Job
from counterflow.synthetic.deliver import cases as cases_of
from counterflow.synthetic.deliver import write as write_export
from counterflow.synthetic.forms.base import Mission
from counterflow.synthetic.missions import MISSIONS
from tests.planting.damage import BREAKS, Export, break_export
from tests.planting.exports import Planted, plant
from tests.planting.marks import Marks, hash_forms, word_forms
from tests.planting.search import Find, Finder, sealed, search

FIRST = date(2010, 11, 25)


@dataclass(slots=True)
class Planting:
    """A home in which nights run over planted exports."""

    root: Path
    missions: Sequence[Mission] = MISSIONS
    marks: Marks = field(default_factory=Marks)
    exports: list[Planted] = field(default_factory=list)
    pages: tuple[str, ...] = ()  # sets of pages that a night builds
    isolated: bool = True  # whether an export is read in a process of its own, as it is in earnest

    def __post_init__(self) -> None:
        (self.left / "tmp").mkdir(parents=True)

    @property
    def left(self) -> Path:
        """What nights leave behind; the exports are not in it."""
        return self.root / "left"

    @property
    def settings(self) -> Settings:
        """The settings of the home; so many refusals are meant."""
        return Settings(
            home=self.left / "home",
            exports=self.root / "exports",
            missions=PROJECT / "dags" / "missions",
            max_failed_share=1.0,
            workers=1,
            isolated=self.isolated,
            pages_built=self.pages,
        )

    def deliver(self, night: date) -> None:
        """A planted export of each mission."""
        self.exports = plant(self.root / "exports", self.marks, night, self.missions)

    def damage(self, night: date, turn: int = 0, only: str = "") -> dict[str, str]:
        """Deliver the night broken: each mission in another way, or all of them in the way `only`.

        What was done to whom; a mission whose format cannot be broken so delivers nothing.
        """
        self.deliver(night)
        done = {}
        names = list(BREAKS)
        for number, one in enumerate(self.exports):
            export = Export(one.form, one.path, self.marks, night)
            ways = (
                [only]
                if only
                else [names[(number + turn + n) % len(names)] for n in range(len(names))]
            )
            for name in ways:
                if break_export(name, export):
                    done[one.mission] = name
                    break
            else:
                one.path.unlink()
        return done

    def lonely(self, mission: Mission, night: date) -> None:
        """Deliver, without any mark, one case of a mission: the first that is accepted."""
        form = forms.build(mission)
        path = self.root / "exports" / mission.code / night.strftime(form.path)
        for seed in range(100):
            job = Job(path.parent, mission, 1, seed, 1, night)
            (case,) = cases_of(job, form, 1)
            if case.outcome[0] == "accepted" and not case.bad:
                write_export(job, form, 1, path, None)
                return
        raise AssertionError("no seed gives an accepted case")

    def finds(self, more: Mapping[bytes, str] | None = None) -> list[Find]:
        """What of all that was planted, or of `more` forms, the nights left behind."""
        forms = word_forms() | hash_forms(self.marks.planted) | dict(more or {})
        return search(self.left, Finder(forms), [sealed(Seal.of(self.settings))])

    def ingest(self, night: date, validate: bool = True) -> dict[str, str]:
        """Plan, ingest and validate; the status of each mission that delivered."""
        codes = [mission.code for mission in self.missions]
        plan = nightly.plan(self.settings, night, codes)
        found = dict(plan.statuses)
        for mission in plan.changed:
            found[mission] = nightly.ingest(self.settings, night, mission).status
        if validate:
            for record in nightly.validate(self.settings, night, codes):
                found[record.mission_code] = record.status
        return found

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Within the block all that is printed, logged or written aside is kept in `left`."""
        said = (self.left / "said.txt").open("ab", buffering=0)
        logged = logging.FileHandler(self.left / "logged.txt")
        logged.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        root, level, kept = logging.getLogger(), logging.getLogger().level, {}
        before = tempfile.tempdir, os.environ.get("TMPDIR")
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            kept = {number: os.dup(number) for number in (1, 2)}
            for number in kept:
                os.dup2(said.fileno(), number)
            root.addHandler(logged)
            root.setLevel(logging.DEBUG)
            tempfile.tempdir = os.environ["TMPDIR"] = str(self.left / "tmp")
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            root.removeHandler(logged)
            root.setLevel(level)
            logged.close()
            said.close()
            tempfile.tempdir = before[0]
            if before[1] is None:
                os.environ.pop("TMPDIR", None)
            else:
                os.environ["TMPDIR"] = before[1]


def night(number: int) -> date:
    """The date of night `number`, from 1."""
    return FIRST + timedelta(days=number - 1)


def one_of_each_form(missions: Sequence[Mission] = MISSIONS) -> list[Mission]:
    """The first mission of every form: each dialect, language, format and edition once."""
    found: dict[str, Mission] = {}
    for mission in missions:
        found.setdefault(mission.form, mission)
    return list(found.values())
