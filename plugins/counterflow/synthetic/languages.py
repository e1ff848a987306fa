"""Languages of the synthetic world: which is spoken where, and how a mission writes them.

Codes are ISO 639-2/T. `languages.csv` also has rare ones: a mission writes them as they are, and
the warehouse holds them as `other`. Names come from Unicode CLDR.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from babel import Locale

from counterflow.synthetic.words import CEDILLA

DEFAULT = "eng"


@cache
def _rows() -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("languages.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def rare() -> frozenset[str]:
    """Languages that the warehouse holds as `other`."""
    return frozenset(row["language"] for row in _rows() if row["other"])


@cache
def codes() -> tuple[str, ...]:
    """Every language of the synthetic world."""
    return tuple(row["language"] for row in _rows())


@cache
def spoken(country: str) -> tuple[str, ...]:
    """Languages of a country, the commonest first."""
    here = [row["language"] for row in _rows() if country in row["countries"].split()]
    return tuple(sorted(here, key=lambda code: code in rare())) or (DEFAULT,)


@cache
def names(language: str) -> dict[str, str]:
    """Code to the CLDR name in `language`."""
    known = Locale(language).languages
    result = {row["language"]: known[row["alpha2"]] for row in _rows()}
    if language == "ro":
        result = {code: name.translate(CEDILLA) for code, name in result.items()}
    return result


def alpha3() -> dict[str, str]:
    """Code to itself: what systems that keep ISO 639-2/T write."""
    return {code: code for code in codes()}


def alpha2() -> dict[str, str]:
    """Code to ISO 639-1."""
    return {row["language"]: row["alpha2"] for row in _rows()}
