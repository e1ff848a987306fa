"""Local calendars: a Gregorian day in, the year, month and day that a mission writes out.

Solar Hijri is the official calendar of Iran and Afghanistan, the Ethiopian one the Coptic with
another year 1; Thailand counts Gregorian years from the Buddha.
"""

from __future__ import annotations

from datetime import date
from functools import cache

from convertdate import coptic, persian

BUDDHIST = 543
ETHIOPIAN = 276  # years between the Coptic and the Ethiopian count
# What a local year is less than the Gregorian one in which it begins.
BEGINS = {"gregorian": 0, "buddhist": -BUDDHIST, "solar_hijri": 621, "ethiopian": 7}


@cache
def local(calendar: str, day: date) -> tuple[int, int, int]:
    """The day in `calendar`."""
    if calendar == "buddhist":
        return day.year + BUDDHIST, day.month, day.day
    if calendar == "solar_hijri":
        year = day.year - BEGINS[calendar]
        year -= day < _nowruz(year)
        passed = (day - _nowruz(year)).days
        month, number = divmod(passed, 31) if passed < 186 else divmod(passed - 186, 30)
        return year, month + (1 if passed < 186 else 7), number + 1
    if calendar == "ethiopian":
        year, month, number = coptic.from_gregorian(day.year, day.month, day.day)
        return int(year) + ETHIOPIAN, int(month), int(number)
    return day.year, day.month, day.day


@cache
def _nowruz(year: int) -> date:
    """The first day of a Solar Hijri year; the library computes the equinox, which takes long."""
    return date(*(int(part) for part in persian.to_gregorian(year, 1, 1)))


def year_beginning(calendar: str, year: int) -> int:
    """The local year that begins in a Gregorian year."""
    return year - BEGINS[calendar]


# Days that a calendar does not have: (day, month).
IMPOSSIBLE = {
    "gregorian": ((31, 2), (30, 2), (31, 4), (31, 11)),
    "buddhist": ((31, 2), (30, 2), (31, 4), (31, 11)),
    "solar_hijri": ((31, 7), (31, 9), (31, 12)),
    "ethiopian": ((31, 1), (31, 6), (7, 13)),
}


def ethiopic(number: int) -> str:
    """A number below a hundred in Ethiopic numerals, which have no zero."""
    if not 0 < number < 100:
        return str(number)
    tens, ones = divmod(number, 10)
    return ("" if not tens else chr(0x1371 + tens)) + ("" if not ones else chr(0x1368 + ones))
