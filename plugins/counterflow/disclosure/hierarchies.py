"""How a value becomes coarser: country → sub-region → region, year → band, code → group of codes.

In: a code list, the seed of countries, or a width. Out: a `Hierarchy`: named levels, and for each
value its ancestor on every level. Above the last level a cell is suppressed.
"""

from __future__ import annotations

import csv
import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from counterflow.settings import PROJECT

_COUNTRIES = PROJECT / "dbt_project" / "seeds" / "country.csv"

Value = str | int | bool


@dataclass(frozen=True)
class Hierarchy:
    """`levels` name the steps above the value itself, finest first; `ancestors(value)` has one
    entry a level (None: the value has no ancestor there, and is suppressed instead).
    """

    levels: tuple[str, ...]
    ancestors: Callable[[Value], tuple[str | None, ...]]


def tiers(levels: Mapping[str, Mapping[str, str]]) -> Hierarchy:
    """From mappings by level of code to group, e.g. {"broad": {"servitude": "labour"}}."""
    names = tuple(levels)

    def ancestors(value: Value) -> tuple[str | None, ...]:
        return tuple(levels[name].get(str(value)) for name in names)

    return Hierarchy(names, ancestors)


@functools.cache
def countries() -> Hierarchy:
    """ISO 3166 alpha-3 (or alpha-2) → M49 sub-region → M49 region."""
    known: dict[str, tuple[str | None, ...]] = {}
    with _COUNTRIES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            place = (row["m49_subregion"] or row["m49_region"] or None, row["m49_region"] or None)
            known[row["country_code"]] = known[row["country_code2"]] = place
    return Hierarchy(("subregion", "region"), lambda value: known.get(str(value), (None, None)))


def years(*widths: int) -> Hierarchy:
    """Year → bands of years (2, 5 and 10 unless said): 2008 → 2008-2009 → 2005-2009 → 2000-2009.

    A width must divide the next, or a band would lie in two.
    """
    widths = widths or (5, 10)
    if any(wide % narrow for narrow, wide in itertools.pairwise(widths)):
        raise ValueError(f"bands of {widths} years do not nest: each width must divide the next")

    def ancestors(value: Value) -> tuple[str | None, ...]:
        try:
            year = int(value)
        except ValueError:
            return (None,) * len(widths)
        starts = [year - year % width for width in widths]
        return tuple(f"{s}-{s + w - 1}" for s, w in zip(starts, widths, strict=True))

    return Hierarchy(tuple(f"{width}_years" for width in widths), ancestors)


def age_bands() -> Hierarchy:
    """CTDC's bands → child, young adult, adult → minor or adult."""
    life = {"0-8": "0-17", "9-17": "0-17", "18-20": "18-29", "21-23": "18-29", "24-26": "18-29"}
    life |= {"27-29": "18-29", "30-38": "30+", "39-47": "30+", "48+": "30+"}
    grown = {band: "0-17" if stage == "0-17" else "18+" for band, stage in life.items()}
    return tiers({"stage": life, "majority": grown})
