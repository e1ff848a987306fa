"""What Unicode CLDR knows of languages: names of countries and months, and the letters they use.

In: nothing but Babel. Out: for each language its names of countries (alpha-3), of months, and its
alphabet as far as these names show it. All local spellings are folded (`counterflow.text.fold`).
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers

from counterflow.settings import PROJECT
from counterflow.text import CEDILLAS, fold

_SEED = PROJECT / "dbt_project" / "seeds" / "country.csv"
_VARIANTS = ("alt=short", "alt=variant")


@functools.cache
def languages() -> tuple[str, ...]:
    """Every language that CLDR has names of countries in, without variants of script or region."""
    return tuple(sorted(i for i in locale_identifiers() if "_" not in i and i != "root"))


@functools.cache
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


@functools.cache
def alpha3(seed: Path = _SEED) -> Mapping[str, str]:
    """Alpha-2 → alpha-3 of the standard's countries."""
    with seed.open(encoding="utf-8", newline="") as lines:
        return {row["country_code2"]: row["country_code"] for row in csv.DictReader(lines)}


def country_names(language: str) -> dict[str, str]:
    """The name of each country as CLDR spells it → alpha-3."""
    locale = _locale(language)
    known = alpha3()
    names = locale.territories if locale is not None else {}
    return {names[code]: known[code] for code in sorted(known) if code in names}


@functools.cache
def folded_countries(language: str) -> Mapping[str, str]:
    """Folded name → alpha-3, with the spelling of old keyboards beside that of CLDR."""
    found: dict[str, str] = {}
    for name, code in country_names(language).items():
        found[fold(name)] = code
        found.setdefault(fold(name.translate(CEDILLAS)), code)
    return found


def language_name(language: str) -> str:
    """The language in English."""
    locale = _locale(language)
    return str(locale.english_name) if locale is not None and locale.english_name else language


@functools.cache
def month_names(language: str) -> Mapping[str, int]:
    """Every name of a month as CLDR spells it (full, short, as in a date, alone) → its number."""
    locale = _locale(language)
    found: dict[str, int] = {}
    if locale is None:
        return found
    for use in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[use][width].items():
                if any(c.isalpha() for c in name):
                    found.setdefault(name.strip("."), int(number))
    return found


def month_list(language: str, words: Iterable[str]) -> dict[str, int]:
    """The twelve names (full or short, in a date or alone) that hold all of `words`, else all names."""
    locale, met = _locale(language), set(words)
    if locale is None:
        return {}
    lists: list[dict[str, int]] = []
    for use in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            names = locale.months[use][width].items()
            lists.append({name.strip("."): int(number) for number, name in names})
    best = max(lists, key=lambda listed: len(met & {fold(name) for name in listed}))
    return best if met <= {fold(name) for name in best} else dict(month_names(language))


@functools.cache
def folded_months(language: str) -> Mapping[str, int]:
    """Folded name of a month, without a point at its end → its number."""
    return {fold(name): number for name, number in month_names(language).items()}


@functools.cache
def alphabet(language: str) -> frozenset[str]:
    """The letters outside ASCII that the language's own names use, small."""
    locale = _locale(language)
    if locale is None:
        return frozenset()
    texts = [*locale.territories.values(), *locale.languages.values(), *month_names(language)]
    for use in ("format", "stand-alone"):
        texts += locale.days[use]["wide"].values()
    counted: dict[str, int] = {}
    for letter in "".join(texts).casefold():
        if letter.isalpha() and not letter.isascii():
            counted[letter] = counted.get(letter, 0) + 1
    # a single Å of the Åland Islands makes no letter of Spanish
    return frozenset(letter for letter, count in counted.items() if count >= 3)
