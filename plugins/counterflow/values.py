"""How one cell's text becomes a date, a number, a band or a list of codes. No state, no logging.

In: cleaned text and what the contract says of it. Out: a value and a reading (`canonical.READINGS`),
or the items of a list. A reading states what the cell is; whether that is acceptable is judged later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from counterflow.calendars import to_gregorian, year_of
from counterflow.canonical import (
    AGE_BANDS,
    CHILDREN_BANDS,
    DURATION_BANDS,
    PERPETRATOR_AGE_BANDS,
)
from counterflow.text import damaged, digits, fits_damaged, fold

_PARTS = {
    "%d": r"(?P<d>\d{1,2})",
    "%m": r"(?P<m>\d{1,2})",
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d{2})",
    "%H": r"\d{1,2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
    "%f": r"\d{1,6}",
    "%z": r"(?:z|[+-]\d{2}:?\d{2})",
}
OLDEST = date(1900, 1, 1)
NO_MONTHS: Mapping[str, int] = {}
NONE: frozenset[str] = frozenset()
# Two digits of a year can mean these years after the night's: a date in the future is an error
# that is to be seen, not a date of a hundred years ago. A birth has none: nobody is yet to be born.
YEARS_AHEAD = 20
_REAL = "%Y-%m-%d"  # how the readers of workbooks write a real date
_STRPTIME_NEWEST = date(2068, 1, 1)


class DateReader:
    """Reads the cells of one column as dates: (date, `ok`) or (None, why not).

    Formats are tried in order. `months`: names of months and their numbers, for `%b`. Two digits of
    a year mean the last year of `calendar` with these digits up to `newest`; `oldest_short` is the
    oldest that was so read: with a newer `newest` it would be read as another year. `real`: what is
    written `%Y-%m-%d` was a real date in a workbook's cell, which is Gregorian in all calendars.
    """

    def __init__(
        self,
        formats: Sequence[str],
        calendar: str = "gregorian",
        missing: frozenset[str] = NONE,
        months: Mapping[str, int] = NO_MONTHS,
        newest: int | None = None,
        real: bool = False,
    ) -> None:
        self.missing = missing
        self.months = {_month_name(name): number for name, number in months.items()}
        self.newest = year_of(calendar, _STRPTIME_NEWEST) if newest is None else newest
        self.oldest_short: int | None = None
        self._patterns = [
            (self._pattern(p), "gregorian" if real and p.startswith(_REAL) else calendar)
            for p in formats
        ]

    def _pattern(self, pattern: str) -> re.Pattern[str]:
        names = sorted(self.months, key=lambda name: (-len(name), name))
        listed = "|".join(map(re.escape, names)) if names else "(?!)"
        parts = _PARTS | {"%b": rf"(?P<b>{listed})\.?"}
        pieces = re.split(r"(%[a-zA-Z])", pattern)
        return re.compile("".join(parts.get(p, re.escape(p.casefold())) for p in pieces))

    def __call__(self, text: str) -> tuple[date | None, str]:
        """One cleaned cell."""
        if not text or fold(text) in self.missing:
            return None, "blank"
        plain = digits(text.casefold())
        reading = "not_a_date"
        for pattern, calendar in self._patterns:
            match = pattern.fullmatch(plain)
            if match is None:
                continue
            part = match.groupdict()
            name = part.get("b")
            month = self.months[name] if name else int(part.get("m") or 1)
            try:
                found = to_gregorian(calendar, self._year(part), month, int(part.get("d") or 1))
            except ValueError:
                reading = "impossible_date"
                continue
            return (found, "ok") if found >= OLDEST else (None, "too_old")
        return None, reading

    def _year(self, part: Mapping[str, str | None]) -> int:
        if part.get("Y"):
            return int(part["Y"] or 0)
        year = self.newest - (self.newest - int(part.get("y") or 0)) % 100
        self.oldest_short = min(year, self.oldest_short or year)
        return year


def _month_name(name: str) -> str:
    """A month's name as it is compared: digits are plain, a full stop at its end may be left out."""
    return digits(fold(name)).rstrip(".").rstrip()


def damaged_months(months: Mapping[str, int]) -> dict[str, int]:
    """The names of months as they look when all their accents are lost, where that tells one."""
    found: dict[str, set[int]] = {}
    for name, number in months.items():
        for mark in "?\ufffd":
            spelled = "".join(c if c.isascii() else mark for c in name)
            if spelled != name and any(c.isalnum() for c in spelled):
                found.setdefault(spelled, set()).add(number)
    return {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}


def parse_date(
    text: str,
    formats: Sequence[str],
    calendar: str,
    missing: frozenset[str],
    months: Mapping[str, int] = NO_MONTHS,
) -> tuple[date | None, str]:
    """A cell as a date: (date, `ok`) or (None, why not). Formats are tried in order."""
    return DateReader(formats, calendar, missing, months)(text)


def parse_number(text: str, missing: frozenset[str], decimal: str = ".") -> tuple[int | None, str]:
    """A cell as a whole number, rounded down: (number, `ok`), (None, `blank` or `not_a_number`).

    The other mark than `decimal` makes it unreadable: `1,500` may be one and a half, or many.
    """
    if not text or fold(text) in missing:
        return None, "blank"
    plain = digits(text).replace(_ARABIC_DECIMAL, decimal)
    match = re.fullmatch(rf"(\d{{1,6}})(?:{re.escape(decimal)}\d{{1,6}})?", plain)
    return (int(match[1]), "ok") if match else (None, "not_a_number")


_ARABIC_DECIMAL = "\u066b"  # means nothing else


def decimal_mark(text: str) -> str | None:
    """The mark inside a number that has one: `.` or `,`."""
    match = re.fullmatch(r"\d+([.,])\d+", digits(text))
    return match[1] if match else None


_REDATED = (
    # what a spreadsheet makes of `9-17`: the 17th of September of the year in which it was typed,
    # the 1st of September 2017, the 9th of January 2017; written in its own way, or the country's
    re.compile(r"(?P<y>\d{4})-(?P<b>\d{2})-(?P<a>\d{2})"),
    re.compile(r"(?P<a>\d{1,2})[./-](?P<b>\d{1,2})[./-](?P<y>\d{2}|\d{4})"),
    re.compile(r"(?P<a>\d{1,2})[ -](?P<name>[^\d\W]{3})\.?(?:[ -](?P<y>\d{2}|\d{4}))?"),
    re.compile(r"(?P<name>[^\d\W]{3})\.?[ -](?P<y>\d{2}|\d{4})"),
)
_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BAND = re.compile(r"0*(\d{1,3})\D+0*(\d{1,3})\D*")


def redated_band(
    text: str, bands: Iterable[str], months: Mapping[str, int] = NO_MONTHS
) -> str | None:
    """The one band of `bands` that a spreadsheet can have turned into the date `text`, or None."""
    pairs = _pairs(
        digits(fold(text)), dict(zip(_ENGLISH, range(1, 13), strict=True)) | dict(months)
    )
    fitting: dict[tuple[int, int], str] = {}
    for band in bands if pairs else ():
        ends = _BAND.fullmatch(digits(fold(band)))
        if ends and (pair := (int(ends[1]), int(ends[2]))) in pairs:
            fitting.setdefault(pair, band)
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def _pairs(text: str, months: Mapping[str, int]) -> set[tuple[int, int]]:
    """The two numbers that may have been typed where now a date stands, in all ways to read it."""
    part = next((m.groupdict() for p in _REDATED if (m := p.fullmatch(text))), None)
    if part is None or (part.get("name") and part["name"] not in months):
        return set()
    one = int(part["a"]) if part.get("a") else 1
    two = months[part["name"] or ""] if part.get("name") else int(part["b"] or 0)
    pairs = {(one, two), (two, one)} if part.get("a") else set()
    if part.get("y"):
        short = int(part["y"] or 0) % 100
        pairs |= {(n, short) for n, first in ((one, two), (two, one)) if first == 1}
    return pairs


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


def split_list(text: str, delimiter: str, known: frozenset[str], lost: bool = False) -> list[str]:
    """The items of a list cell, each once, in order: the longest code that fits wins.

    `known` holds folded codes (missing codes among them). A stretch that no code begins runs to
    the next delimiter and is one item, so that nothing is dropped: the caller marks it unmapped.
    `lost`: an item whose accents were lost is the one code that it can have been.
    """
    folded = fold(text)
    lost = lost and damaged(folded)
    mark = delimiter.strip().casefold() or delimiter
    if folded in known:
        return [folded]
    items: list[str] = []
    rest = folded
    longest_first = _longest_first(known)
    while rest := _strip(rest, mark):
        item = next((c for c in longest_first if rest.startswith(c) and _ends(rest, c, mark)), None)
        taken = len(item or "")
        if lost and (found := _damaged_item(rest, known, mark, taken)):
            item, taken = found
        if item is None:
            item = rest.partition(mark)[0].strip() or rest
            taken = len(item)
        items.append(item)
        rest = rest[taken:]
    return list(dict.fromkeys(items))


def _damaged_item(
    rest: str, known: frozenset[str], mark: str, longer_than: int
) -> tuple[str, int] | None:
    """The one code whose writing without accents begins `rest`, and its length; the longest wins."""
    fitting: dict[int, list[str]] = {}
    for code in known:
        end = fits_damaged(rest, code)
        if end is not None and end > longer_than and _ends(rest, rest[:end], mark):
            fitting.setdefault(end, []).append(code)
    if not fitting:
        return None
    longest = max(fitting)
    return (fitting[longest][0], longest) if len(fitting[longest]) == 1 else None


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
