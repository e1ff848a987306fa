"""What a column looks like, told without showing what must not be seen.

In: the cells of a column, who holds them (cases, or rows), the lexicon. Out: `Profile`: counts, a
shape, and at most the values that at least five cases hold, none of a column that may be personal.
This is the only place that decides whether a value may be shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from counterflow.columns import Cells, Places
from counterflow.onboarding.dates import DateShape, date_shape
from counterflow.onboarding.lexicon import Lexicon
from counterflow.onboarding.sample import ENOUGH
from counterflow.text import digits

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PHONE = re.compile(r"\+?[\d][\d ()./-]{6,18}\d")
_NUMBER = re.compile(r"-?\d{1,9}(?:([.,])(\d{1,6}))?")
_COORDINATE = re.compile(r"-?\d{1,3}[.,]\d{4,}")
_MANY = ("; ", ";", "|", ", ", ",", "، ", "/", "\n", " ")
_CODES_MOST = 60  # a code list that nobody knows and that is longer may be names
_UNKNOWN_MOST = 12  # so may a shorter one of words that no list knows


@dataclass(slots=True, repr=False)
class Profile:
    """A column as far as it may be told of. `values` are all cells: they never leave this process."""

    place: int
    name: str
    technical: str | None
    rows: int
    filled: int
    distinct: int
    kind: str  # blank, constant, date, year, number, decimal, codes, list, key, text, personal, counter
    detail: str = ""
    dates: DateShape | None = None
    decimal: str | None = None  # the decimal mark that its numbers use
    many: str | None = None
    personal: str | None = None  # why it looks personal
    shown: list[tuple[str, int]] = field(default_factory=list)  # value, holders: at least five
    unshown: tuple[int, int] = (0, 0)  # distinct values and rows that are not shown
    values: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)  # of a list: item → rows
    holders: dict[str, int] = field(default_factory=dict)  # value or item → distinct cases

    @property
    def share(self) -> float:
        """Share of the rows in which it is filled."""
        return self.filled / self.rows if self.rows else 0.0


def profile(
    place: int,
    names: tuple[str, str | None],
    cells: Cells,
    owners: Places,
    lexicon: Lexicon,
    night: date,
    languages: Sequence[str] = (),
) -> Profile:
    """The profile of a column. `owners`: the number of the case (or row) of each row."""
    counts = np.bincount(cells.places, minlength=len(cells.values)).tolist()
    values = {v: n for v, n in zip(cells.values, counts, strict=True) if v and n}
    filled = sum(values.values())
    found = Profile(place, names[0], names[1], len(cells), filled, len(values), "text")
    found.values = values
    answered = {v: n for v, n in values.items() if not lexicon.is_missing(v)}
    personal = lexicon_personal(lexicon, names)
    if not values:
        found.kind = "blank"
        return found
    _shape(found, answered or values, cells, lexicon, night, languages)
    if personal is not None and found.kind != "counter":
        found.personal = found.personal or personal
    if found.personal is not None:
        found.kind = "personal"
    found.holders = _held(cells, owners, found.many)
    if found.kind in ("codes", "list", "constant"):
        _show(found, lexicon)
    return found


def lexicon_personal(lexicon: Lexicon, names: Sequence[str | None]) -> str | None:
    """Why the name of a column says that it is personal."""
    for named in lexicon.roles(*names):
        if named.role.kind == "personal" and named.score >= 0.6:
            return f"its name is personal ({named.reason})"
        if named.role.kind == "notes" and named.score >= 0.9:
            return "free text by its name"
        if named.role.kind in ("field", "group", "key", "consent", "ignore") and named.score > 0.9:
            return None  # a name that is both is judged by its values
        if named.role.kind == "birth" and named.score >= 0.6:
            return "a date of birth by its name"
    return None


def _shape(
    found: Profile,
    values: Mapping[str, int],
    cells: Cells,
    lexicon: Lexicon,
    night: date,
    languages: Sequence[str],
) -> None:
    rows = sum(values.values())

    def share(pattern: re.Pattern[str]) -> float:
        return sum(n for v, n in values.items() if pattern.fullmatch(digits(v))) / rows

    if share(_EMAIL) > 0.3:
        found.personal = "its cells look like e-mail addresses"
        return
    if _counts_up(cells):
        found.kind, found.detail = "counter", "1, 2, 3, …: a printed row number"
        return
    dates = date_shape(values, night, languages)
    if dates is not None:
        found.kind, found.dates = ("year" if dates.only_years else "date"), dates
        found.detail = _told(dates)
        return
    if share(_COORDINATE) > 0.6:
        found.personal = "its cells look like coordinates"
        return
    marks = Counter[str]()
    for value, count in values.items():
        if match := _NUMBER.fullmatch(digits(value)):
            marks[match[1] or ""] += count
    if marks.total() > 0.8 * rows and not _few(values, rows):
        if max(len(digits(v)) for v in values) >= 7 and len(values) > 0.5 * rows:
            found.personal = "long numbers, hardly one twice: numbers of documents or telephones"
            return
        _number(found, marks)
        return
    if share(_PHONE) > 0.6 and len(values) > 0.5 * rows:
        found.personal = "its cells look like telephone numbers"
        return
    _words(found, values, rows, lexicon)
    if marks.total() > 0.8 * rows and found.kind == "codes":
        _number(found, marks, keep=True)


def _number(found: Profile, marks: Counter[str], keep: bool = False) -> None:
    decimals = [m for m in (",", ".") if marks[m] >= ENOUGH]
    if not keep:
        found.kind = "decimal" if decimals else "number"
    found.decimal = decimals[0] if len(decimals) == 1 else None
    found.detail = (
        "numbers" if not decimals else f"numbers, {' and '.join(map(repr, decimals))} decimal"
    )


def _told(dates: DateShape) -> str:
    calendar = "" if dates.calendar == "gregorian" else f", {dates.calendar} calendar"
    months = f", months in {cldr_name(dates.month_language)}" if dates.month_language else ""
    return f"{' or '.join(dates.formats)}{calendar}{months}; {dates.share:.0%} read"


def cldr_name(language: str | None) -> str:
    """A language in English."""
    from counterflow.onboarding import cldr

    return cldr.language_name(language) if language else ""


def _few(values: Mapping[str, int], rows: int) -> bool:
    """Few values, often repeated: codes, even if they are numbers."""
    return len(values) <= 12 and rows >= 3 * len(values)


def _counts_up(cells: Cells) -> bool:
    """Whether the rows are numbered one after the other."""
    numbers = [digits(cells.values[p]) for p in cells.places[:50]]
    if len(numbers) < 5 or not all(n.isdecimal() for n in numbers):
        return False
    first = int(numbers[0])
    return first in (0, 1) and [int(n) for n in numbers] == list(range(first, first + len(numbers)))


def _words(found: Profile, values: Mapping[str, int], rows: int, lexicon: Lexicon) -> None:
    """Codes, lists of codes, keys or free text."""
    tail = sum(n for n in values.values() if n < ENOUGH) / rows
    many = _delimiter(values)
    if many is not None:
        found.many, found.items = many, _items(values, many)
        found.kind, found.detail = "list", f"several codes in a cell, parted by {many!r}"
        return
    known = sum(n for v, n in values.items() if _is_known(lexicon, v)) / rows
    if known > 0.7 or (len(values) <= _CODES_MOST and tail <= 0.5):
        found.kind = "constant" if len(values) == 1 and rows >= ENOUGH else "codes"
        found.detail = f"{len(values)} values"
        return
    if len(values) == rows and _alike(values):
        found.kind, found.detail = "key", "every value once, all of one look"
        return
    words = sum(n * len(v.split()) for v, n in values.items()) / rows
    if words > 4:
        found.personal = "free text: several words, hardly one cell like another"
    elif words <= 4 and len(values) > 0.3 * rows:
        found.personal = "short texts, many of them once: names, places or numbers of persons"


def _alike(values: Mapping[str, int]) -> bool:
    """Whether all values are of at most a few looks (letters a, digits 9)."""
    looks = Counter(re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", v)) for v in values)
    return len(looks) <= max(3, len(values) // 20)


def _is_known(lexicon: Lexicon, value: str) -> bool:
    from counterflow.text import plain

    name = plain(value)
    return any(name in known for known in lexicon.plain_codes.values())


def _delimiter(values: Mapping[str, int]) -> str | None:
    """The delimiter that makes few items out of many cells."""
    best, least = None, 0.6 * len(values)
    for many in _MANY:
        held = sum(n for v, n in values.items() if many in v)
        if held < max(ENOUGH, 0.02 * sum(values.values())) or len(values) < 4:
            continue
        items = _items(values, many)
        rare = sum(1 for n in items.values() if n < ENOUGH)
        if len(items) < least and len(items) <= _CODES_MOST and rare <= 0.5 * len(items):
            best, least = many, 0.9 * len(items)
    return best


def _items(values: Mapping[str, int], many: str) -> dict[str, int]:
    items: Counter[str] = Counter()
    for value, count in values.items():
        for item in {part.strip() for part in value.split(many.strip() or many)}:
            if item:
                items[item] += count
    return dict(items)


def _held(cells: Cells, owners: Places, many: str | None) -> dict[str, int]:
    """How many different cases hold each value, or each item of a list."""
    pairs = np.unique(np.stack([cells.places, owners]), axis=1) if len(cells) else None
    if pairs is None:
        return {}
    if many is None:
        counts = np.bincount(pairs[0], minlength=len(cells.values)).tolist()
        return dict(zip(cells.values, counts, strict=True))
    holders: dict[str, set[int]] = {}
    split = [{p.strip() for p in v.split(many.strip() or many)} for v in cells.values]
    for value, owner in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        for item in split[value]:
            holders.setdefault(item, set()).add(owner)
    return {item: len(cases) for item, cases in holders.items() if item}


def _show(found: Profile, lexicon: Lexicon) -> None:
    """Put the values into `shown` that at least five different cases hold."""
    counted = found.items or found.values
    enough = [v for v in counted if found.holders.get(v, 0) >= ENOUGH]
    unknown = [v for v in counted if not _is_known(lexicon, v) and not lexicon.is_missing(v)]
    named = bool([n for n in lexicon.roles(found.name, found.technical) if n.score >= 0.8])
    capital = sum(1 for v in unknown if v[:1].isupper() and v[1:2].islower())
    names = len(unknown) > 0.7 * len(counted) and capital > 0.7 * len(unknown)
    if not named and (len(unknown) > _UNKNOWN_MOST or names):
        found.personal = (
            "words that no list knows, under a name that none knows: they may be names or places"
        )
        found.kind = "personal"
        return
    found.shown = sorted(
        ((v, found.holders[v]) for v in enough), key=lambda item: (-item[1], item[0])
    )
    hidden = [n for v, n in counted.items() if found.holders.get(v, 0) < ENOUGH]
    found.unshown = (len(hidden), sum(hidden))
