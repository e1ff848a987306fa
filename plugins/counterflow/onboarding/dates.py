"""How the dates of a column are written: formats, names of months, calendar, by evidence.

In: the distinct cells of a column with their rows, and the night. Out: `DateShape`, or None if the
column holds no dates. Formats are told from the cells and then tried with the real parser, so that
what is proposed is what ingest will read.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import get_args

from counterflow.contracts.scalars import Calendar
from counterflow.onboarding import cldr
from counterflow.onboarding.sample import ENOUGH
from counterflow.text import digits, fold
from counterflow.values import parse_date

CALENDARS: tuple[str, ...] = get_args(Calendar)
_PIECES = re.compile(r"\d+|[^\W\d_]+|[^\w]+|_+")
_TIME = re.compile(
    r"(?P<day>.*?\d)(?P<time>[T ]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)$"
)
_LEAST = 0.6  # share of the filled cells that formats must read


@dataclass(frozen=True, slots=True)
class DateShape:
    """How dates are written. `doubts` are decisions for a person; `months` of `%b`; `share` that reads."""

    formats: tuple[str, ...]
    calendar: str
    share: float
    reason: str
    month_language: str | None = None
    doubts: tuple[str, ...] = ()
    month_words: frozenset[str] = frozenset()
    years: Counter[int] = field(default_factory=Counter, hash=False, compare=False)

    @property
    def only_years(self) -> bool:
        """Whether the cells are bare years."""
        return self.formats == ("%Y",)


def date_shape(
    values: Mapping[str, int], night: date, languages: Sequence[str] = ()
) -> DateShape | None:
    """The shape of a column, from its distinct filled cells and how many rows hold each."""
    rows = sum(values.values())
    if not rows:
        return None
    language = _month_language(values, languages)
    months = cldr.folded_months(language) if language else {}
    signatures: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for value, count in values.items():
        if (signature := _signature(digits(value), months)) is not None:
            signatures[signature][value] += count
    formats: list[str] = []
    doubts: list[str] = []
    for _, held in sorted(signatures.items(), key=lambda s: -s[1].total()):
        if held.total() < min(ENOUGH, rows) or len(formats) >= 4:
            continue
        found, doubt = _format(held, months)
        if found is not None and found not in formats:
            formats.append(found)
            doubts += [doubt] if doubt else []
    if not formats:
        return None
    return _in_calendar(tuple(formats), values, night, language, tuple(dict.fromkeys(doubts)))


def _month_language(values: Mapping[str, int], languages: Sequence[str]) -> str | None:
    """The language whose names of months stand in the cells; one that was met before wins a tie."""
    words = Counter[str]()
    for value, count in list(values.items())[:2000]:
        if not any(c.isdecimal() for c in value):
            continue  # a date holds a number
        for word in re.findall(r"[^\W\d_]{3,}", value):
            words[fold(word)] += count
    if not words:
        return None
    order = [*languages, "en", *(x for x in cldr.languages() if x not in (*languages, "en"))]
    best, most = None, 0.0
    for language in order:
        names = cldr.folded_months(language)
        met = [word for word in words if word in names]
        score = sum(words[w] for w in met) * (1 + len({names[w] for w in met}) / 100)
        if score > most * 1.0001:
            best, most = language, score
    return best if most >= 0.5 * sum(values.values()) else None


def _signature(text: str, months: Mapping[str, int]) -> tuple[str, ...] | None:
    """The pieces of a cell, digits as their number, names of months as `b`; None if it is too long."""
    time = ""
    if match := _TIME.fullmatch(text):
        text, time = match["day"], _time_format(match["time"])
    pieces = _PIECES.findall(text)
    if len(pieces) > 11:
        return None
    found = []
    for piece in pieces:
        if piece.isdecimal():
            found.append("9" * len(piece) if len(piece) in (4,) else "9")
            if len(piece) > 4:
                return None
        elif fold(piece) in months:
            found.append("b")
        else:
            found.append(piece)
    if time:
        found.append("time:" + time)
    return tuple(found)


def _time_format(text: str) -> str:
    parts = [text[0] if text[0] == "T" else " ", "%H:%M"]
    rest = re.sub(r"^[T ]\d{1,2}:\d{2}", "", text)
    if rest.startswith(":"):
        parts.append(":%S")
        rest = rest[3:]
    if rest.startswith("."):
        parts.append(".%f")
        rest = re.sub(r"^\.\d+", "", rest)
    return "".join(parts) + ("%z" if rest else "")


def _format(held: Counter[str], months: Mapping[str, int]) -> tuple[str | None, str | None]:
    """The format of cells of one signature, and what is in doubt about it."""
    split = [(_pieces(digits(value), months), count) for value, count in held.items()]
    width = len(split[0][0])
    numbers = [i for i in range(width) if split[0][0][i].isdecimal()]
    named = [i for i in range(width) if fold(split[0][0][i]) in months]
    value = split[0][0]
    if len(named) > 1 or not 1 <= len(numbers) + len(named) <= 3:
        return None, None
    columns = {i: [int(pieces[i]) for pieces, _ in split] for i in numbers}
    parts: dict[int, str] = dict.fromkeys(named, "%b")
    doubt = None
    years = [i for i in numbers if all(len(p[i]) == 4 for p, _ in split)]
    rest = [i for i in numbers if i not in years]
    if len(years) == 1:
        parts[years[0]] = "%Y"
    elif not years and len(rest) + len(named) == 3:  # two digits: 31.12.09 or 09/12/31
        year = rest[-1] if max(columns[rest[-1]]) > 31 or max(columns[rest[0]]) <= 31 else rest[0]
        if any(len(p[year]) != 2 for p, _ in split):
            return None, None
        parts[year] = "%y"
        rest.remove(year)
    else:
        return None, None
    largest = {i: max(columns[i]) for i in rest}
    if any(n > 31 for n in largest.values()) or len(rest) > 2:
        return None, None
    if len(rest) == 2 and not named:
        first, second = rest
        if years and years[0] < first:  # year first: month, then day
            order = ("%d", "%m") if largest[first] > 13 else ("%m", "%d")
        elif largest[first] > 12 or largest[second] > 12:
            order = ("%d", "%m") if largest[first] >= largest[second] else ("%m", "%d")
        else:
            order = ("%d", "%m")
            doubt = "day or month first cannot be told: no number is above 12"
        parts |= dict(zip(rest, order, strict=True))
    elif len(rest) == 1:
        parts[rest[0]] = "%d" if named else "%m"
    elif len(rest) == 2:
        return None, None
    pieces = [parts.get(i, value[i].replace("%", "%%")) for i in range(width)]
    time = _TIME.fullmatch(digits(next(iter(held))))
    if time is not None:
        pieces.append(_time_format(time["time"]))
    return "".join(pieces), doubt


def _pieces(text: str, months: Mapping[str, int]) -> list[str]:
    del months
    if match := _TIME.fullmatch(text):
        text = match["day"]
    return _PIECES.findall(text)


def _in_calendar(
    formats: tuple[str, ...],
    values: Mapping[str, int],
    night: date,
    language: str | None,
    doubts: tuple[str, ...],
) -> DateShape | None:
    """The calendar in which the dates are real days and lie between a birth and the night."""
    months = cldr.folded_months(language) if language else {}
    rows = sum(values.values())
    shares: dict[str, float] = {}
    read: dict[str, Counter[int]] = {}
    for calendar in CALENDARS:
        fits, years = 0, Counter[int]()
        for value, count in values.items():
            day, _ = parse_date(value, formats, calendar, frozenset(), months)
            if day is not None and day <= night:
                fits += count
                years[day.year] += count
        shares[calendar], read[calendar] = fits / rows, years
    plausible = [c for c in CALENDARS if shares[c] >= _LEAST]
    if not plausible:
        return None
    calendar = _chosen(plausible, shares, values, formats)
    others = [c for c in plausible if c != calendar and shares[c] >= shares[calendar] - 0.02]
    reason = f"{shares[calendar]:.0%} of the filled cells are real days in it up to the night"
    if calendar != "gregorian":
        reason += f"; as Gregorian dates {1 - shares['gregorian']:.0%} would be impossible or in the future"
    if others and calendar != "gregorian":
        doubts = (*doubts, f"the calendar may also be {' or '.join(others)}")
    words = {fold(w) for v in values for w in re.findall(r"[^\W\d_]+", v)} & set(months)
    return DateShape(
        formats,
        calendar,
        shares[calendar],
        reason,
        language,
        doubts,
        frozenset(words),
        read[calendar],
    )


def _chosen(
    plausible: Sequence[str],
    shares: Mapping[str, float],
    values: Mapping[str, int],
    formats: Sequence[str],
) -> str:
    """Gregorian unless it cannot be: an unlikely calendar needs dates that only it can hold."""
    best = max(plausible, key=lambda c: shares[c])
    if "gregorian" in plausible and shares["gregorian"] >= shares[best] - 0.02:
        return "gregorian"
    return best
