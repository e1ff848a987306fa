"""From where to where: a mission in, draws of citizenship and of destination out.

Corridors and their weights follow the domain page (Ukraine→Russia, Belarus→Russia,
Indonesia→Malaysia, Ukraine→Poland, …) and the public marginals for 2002-2010.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from counterflow.synthetic.calibration import Draw
from counterflow.synthetic.countries import ORIGINS


@cache
def _weights(kind: str) -> dict[str, dict[str, float]]:
    """Of `corridors.csv`: `abroad`, from citizenship to destinations; `hosted`, from mission to
    the citizenships it meets beside its own country's.
    """
    text = resources.files(__package__).joinpath("corridors.csv").read_text(encoding="utf-8")
    result: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(text.splitlines()):
        if row["kind"] == kind:
            result.setdefault(row["place"], {})[row["country"]] = float(row["weight"])
    return result


@cache
def citizenships(mission: str) -> Draw:
    """Citizenships met at a mission."""
    return Draw(_weights("hosted").get(mission) or {mission: 97, **_neighbours(mission)})


def _neighbours(mission: str) -> dict[str, float]:
    abroad = _weights("abroad")
    others = [c for c in ORIGINS if c != mission and mission in abroad.get(c, {})][:3]
    return dict.fromkeys(others, 3 / len(others)) if others else {}


@cache
def destinations(citizenship: str) -> Draw:
    """Countries abroad where nationals of `citizenship` were exploited."""
    abroad = _weights("abroad")
    weights = abroad.get(citizenship, abroad[""])
    return Draw({c: w for c, w in weights.items() if c != citizenship})


def hosts(mission: str) -> bool:
    """Whether the mission meets victims where they were exploited."""
    return mission in _weights("hosted")
