"""Countries of the synthetic world: which exist in it, and how a mission writes them.

The seed speaks of 85 source and 100 destination countries: exactly these can occur as
citizenship and as country of exploitation (`countries.csv`). All 72 missions' countries are
among the 100: people are exploited in their own country too. Names come from Unicode CLDR.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from babel import Locale
from babel.core import get_global

from counterflow.synthetic.words import CEDILLA


@cache
def _rows() -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("countries.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _those(column: str) -> tuple[str, ...]:
    return tuple(row["country"] for row in _rows() if row[column] == "yes")


ORIGINS = _those("origin")
DESTINATIONS = _those("destination")

# South-Eastern Europe as the seed's projects counted it, Moldova included.
SOUTH_EASTERN_EUROPE = frozenset(_those("south_eastern_europe"))

# ISO 3166 short names with a comma, as the standard's country list has them.
ISO_COMMA_NAMES = {
    "MDA": "Moldova, Republic of",
    "MKD": "Macedonia, the former Yugoslav Republic of",
    "COD": "Congo, the Democratic Republic of the",
    "TZA": "Tanzania, United Republic of",
    "KOR": "Korea, Republic of",
    "BOL": "Bolivia, Plurinational State of",
    "VEN": "Venezuela, Bolivarian Republic of",
    "RUS": "Russian Federation",
    "VNM": "Viet Nam",
    "LAO": "Lao People's Democratic Republic",
    "SYR": "Syrian Arab Republic",
    "CIV": "Côte d'Ivoire",
}


@cache
def alpha2() -> dict[str, str]:
    """Alpha-3 to alpha-2, from CLDR's aliases."""
    aliases = get_global("territory_aliases")
    return {c: aliases[c][0] for c in sorted({*ORIGINS, *DESTINATIONS})}


@cache
def names(language: str) -> dict[str, str]:
    """Alpha-3 to the CLDR name in `language`; `en-iso` gives the standard's own English list."""
    territories = Locale("en" if language == "en-iso" else language).territories
    result = {c: territories[two] for c, two in alpha2().items()}
    if language == "en-iso":
        result.update(ISO_COMMA_NAMES)
    if language == "ro":
        result = {c: name.translate(CEDILLA) for c, name in result.items()}
    return result
