"""How one cell's text becomes a date, a number, a band or a list of codes. No state, no logging.

In: cleaned text and what the contract says of it. Out: a value and a reading (`canonical.READINGS`),
or the items of a list. A reading states what the cell is; whether that is acceptable is judged later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from counterflow.canonical import (
    AGE_BANDS,
    CHILDREN_BANDS,
    DURATION_BANDS,
    PERPETRATOR_AGE_BANDS,
)
from counterflow.text import digits, fold

_PARTS = {
    "%d": r"(?P<d>\d{1,2})",
    "%m": r"(?P<m>\d{1,2})",
    "%b": r"(?P<b>[^\d\W]+\.?)",
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d{2})",
    "%H": r"\d{1,2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
    "%f": r"\d{1,6}",
    "%z": r"(?:Z|[+-]\d{2}:?\d{2})",
}
BUDDHIST_OFFSET = 543  # year 1 of the Buddhist era is 543 before the Gregorian year 1
OLDEST = date(1900, 1, 1)


@lru_cache(maxsize=256)
def _format(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"(%[a-zA-Z])", pattern)
    return re.compile("".join(_PARTS.get(p, re.escape(p)) for p in pieces))


NO_MONTHS: Mapping[str, int] = {}


def parse_date(
    text: str,
    formats: Sequence[str],
    calendar: str,
    missing: frozenset[str],
    months: Mapping[str, int] = NO_MONTHS,
) -> tuple[date | None, str]:
    """A cell as a date: (date, `ok`) or (None, why not). Formats are tried in order.

    `months`: folded names of months and their numbers, for `%b`.
    """
    if not text or fold(text) in missing:
        return None, "blank"
    plain = digits(text)
    reading = "not_a_date"
    for pattern in formats:
        match = _format(pattern).fullmatch(plain)
        if match is None:
            continue
        part = match.groupdict()
        year = int(part["Y"]) if part.get("Y") else 2000 + int(part.get("y") or 0)
        if part.get("y") and year > 2068:  # two digits: as in strptime, 69 to 99 are 19xx
            year -= 100
        if calendar == "buddhist":
            year -= BUDDHIST_OFFSET
        name = part.get("b")
        month = months.get(fold(name)) if name else int(part.get("m") or 1)
        if month is None:
            continue
        try:
            found = date(year, month, int(part.get("d") or 1))
        except ValueError:
            reading = "impossible_date"
            continue
        return (found, "ok") if found >= OLDEST else (None, "too_old")
    return None, reading


def parse_year(
    text: str,
    formats: Sequence[str],
    calendar: str,
    missing: frozenset[str],
    months: Mapping[str, int] = NO_MONTHS,
) -> tuple[date | None, str]:
    """A cell that holds a year, or a date of which only the year is kept."""
    return parse_date(text, [*formats, "%Y"], calendar, missing, months)


def parse_number(text: str, missing: frozenset[str]) -> tuple[int | None, str]:
    """A cell as a whole number: (number, `ok`), (None, `blank`) or (None, `not_a_number`)."""
    if not text or fold(text) in missing:
        return None, "blank"
    match = re.fullmatch(r"(\d{1,6})(?:[.,]0{1,2})?", digits(text))
    return (int(match[1]), "ok") if match else (None, "not_a_number")


def _bands(names: Iterable[str]) -> Callable[[int], str]:
    firsts = [(int(re.split(r"[-+]", name)[0]), name) for name in names]

    def band(years: int) -> str:
        return next(name for first, name in reversed(firsts) if years >= first)

    return band


age_band = _bands(AGE_BANDS)
perpetrator_age_band = _bands(PERPETRATOR_AGE_BANDS)
children_band = _bands(CHILDREN_BANDS)


def duration_band(months: int) -> str:
    """The band of a duration in whole months."""
    for below, name in zip((3, 12, 24), DURATION_BANDS, strict=False):
        if months < below:
            return name
    return DURATION_BANDS[-1]


def split_list(text: str, delimiter: str, known: frozenset[str]) -> list[str]:
    """The items of a list cell, each once, in order: the longest code that fits wins.

    `known` holds folded codes (missing codes among them). A stretch that no code begins runs to
    the next delimiter and is one item, so that nothing is dropped: the caller marks it unmapped.
    """
    folded = fold(text)
    mark = delimiter.strip().casefold() or delimiter
    if folded in known:
        return [folded]
    items: list[str] = []
    rest = folded
    longest_first = _longest_first(known)
    while rest := _strip(rest, mark):
        item = next((c for c in longest_first if rest.startswith(c) and _ends(rest, c, mark)), None)
        if item is None:
            item = rest.partition(mark)[0].strip() or rest
        items.append(item)
        rest = rest[len(item) :]
    return list(dict.fromkeys(items))


@lru_cache(maxsize=64)
def _longest_first(known: frozenset[str]) -> list[str]:
    return sorted(known, key=lambda code: (-len(code), code))


def _strip(rest: str, mark: str) -> str:
    """`rest` without the delimiters and blanks before its next item."""
    rest = rest.strip()
    while mark.strip() and rest.startswith(mark):
        rest = rest[len(mark) :].strip()
    return rest


def _ends(rest: str, code: str, mark: str) -> bool:
    """Whether the code ends where an item ends: at a delimiter or at the end."""
    after = rest[len(code) :]
    return not after or after.lstrip().startswith(mark) if mark.strip() else after[:1] in ("", " ")
