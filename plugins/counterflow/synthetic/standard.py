"""The generator's own copy of the HTCDS 2.0 lists: `standard.csv` in, canonical codes out.

HTCDS is by UNMigration/HTCDS, CC BY 4.0. The warehouse has a copy of its own: sharing one file
would hide a mistake in it from the comparison.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources

_SPECIAL = {"NGO": "ngo", "4Sale": "4_sale"}


def snake(name: str) -> str:
    """`ForcedLabour` → `forced_labour`, `A_AgricultureForestry` → `a_agriculture_forestry`."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"_+", "_", spaced).lower()


@cache
def _rows() -> list[tuple[str, str, str]]:
    text = resources.files(__package__).joinpath("standard.csv").read_text(encoding="utf-8")
    return [(r["list"], r["value_name"], r["label"]) for r in csv.DictReader(text.splitlines())]


@cache
def value_names(name: str) -> dict[str, str]:
    """Canonical code to HTCDS value name, in the standard's order."""
    return {snake(value): value for listed, value, _ in _rows() if listed == name}


@cache
def labels(name: str) -> dict[str, str]:
    """Canonical code to HTCDS label."""
    return {snake(value): label for listed, value, label in _rows() if listed == name}


def codes(name: str) -> tuple[str, ...]:
    """The canonical codes of a list, in order."""
    return tuple(value_names(name))


def numbered(name: str, prefix: str = "", start: int = 1) -> dict[str, str]:
    """Canonical code to its number in the list, as older systems stored it."""
    return {code: f"{prefix}{i}" for i, code in enumerate(codes(name), start)}


def sector_letters() -> dict[str, str]:
    """Labour sector to its ISIC section letter."""
    return {code: code[0].upper() for code in codes("labour_sector")}
