"""A small agency for kills and faults: three missions, two nights, a release; every home is a copy of one of its own.

The second night has all that a night can have to do: new cases, a consent withdrawn, a code that nobody knows, a
mission that sent nothing new. Whoever kills a step starts from the home as it was before it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from counterflow.settings import Settings
from tests.support import NIGHT, Agency, case, export

SECOND = NIGHT + timedelta(days=1)
MISSIONS = ("ALB", "BLR", "CIV")
CASES = 80
ERASED = "A-7"
_PLACES = ("Romania", "Niger", "Nigeria", "NA")


@dataclass(frozen=True)
class World:
    """Contracts and exports that all homes share, and where the homes are."""

    root: Path
    settings: Settings  # of a home that no run touches

    def home(self, name: str) -> Settings:
        """The settings of another home over the same exports."""
        return replace(self.settings, home=self.root / name / "home")

    def copy(self, source: str, name: str) -> Settings:
        """A home like `source`, to be hurt; one of that name is replaced."""
        made = self.home(name)
        self.drop(name)
        # hard links between a publication and its kept name survive a real kill, so they must survive this
        of_dbt = shutil.ignore_patterns("dbt")  # its logs and target: 20 MB that a run makes anew
        shutil.copytree(self.home(source).home, made.home, symlinks=True, ignore=of_dbt)
        _link_again(self.home(source), made)
        return made

    def drop(self, name: str) -> None:
        """Remove a home."""
        shutil.rmtree(self.root / name, ignore_errors=True)


def make(root: Path, missions: Sequence[str] = MISSIONS) -> World:
    """Contracts and the exports of two nights; nothing is loaded yet."""
    agency = Agency(root, missions=tuple(missions))
    for mission in missions:
        agency.deliver(mission, _export(CASES, NIGHT))
        if mission != missions[-1]:
            agency.deliver(mission, _export(CASES + 6, SECOND), SECOND)
    return World(root, agency.settings)


def _export(count: int, night: date) -> bytes:
    """Cases that differ in little, so that a release has rows enough that are alike."""
    rows = [
        case(
            n,
            Sex="FM"[n % 5 == 0],
            Country=_PLACES[n // 25 % 4],
            Consent="no" if n % 20 == 3 else "yes",
        )
        for n in range(count)
    ]
    rows[11] |= {"Sex": "Helga"}  # a code that nobody knows
    rows[13] |= {"Registered": "31.02.2009"}  # quarantined
    if night > NIGHT:
        rows[17] |= {"Withdrawn": "25.11.2010"}
        rows[18] |= {"Labour": "no"}
    means = [{"No.": f"A-{n}", "Means": "papers; kept" if n % 3 else "debt"} for n in range(count)]
    return export(rows, means)


def _link_again(source: Settings, made: Settings) -> None:
    """What is one file under two names there is one here."""
    published = source.warehouse / "warehouse.duckdb"
    for path in (source.warehouse / "kept").glob("*.duckdb"):
        if path.samefile(published):
            link = made.warehouse / "kept" / path.name
            link.unlink()
            link.hardlink_to(made.warehouse / "warehouse.duckdb")
