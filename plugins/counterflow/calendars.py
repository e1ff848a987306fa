"""Calendars: the Gregorian day on which a local day falls, and the local year of a Gregorian day.

In: a calendar of the contract language, and a year, month and day in it. Out: a date. A day that
the calendar does not have is a ValueError. What stands for more than a day (a month, a year) is
counted from its first day, so it belongs to the Gregorian month and year in which it begins.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from convertdate import coptic, gregorian, persian

CALENDARS = ("gregorian", "buddhist", "solar_hijri", "ethiopian")
BUDDHIST_OFFSET = 543  # year 1 of the Buddhist era is 543 before the Gregorian year 1
_COPTIC_OFFSET = 276  # the Ethiopian calendar is the Coptic one with another year 1
_SOLAR_OFFSET = 621  # the Gregorian year in whose spring a Solar Hijri year begins
# The spring equinox is computed for these Gregorian years only: nobody's date is outside them.
_COMPUTED = range(1800, 2201)


def to_gregorian(calendar: str, year: int, month: int, day: int) -> date:
    """The day in the Gregorian calendar. Raises ValueError where there is no such day."""
    if calendar == "buddhist":
        return date(year - BUDDHIST_OFFSET, month, day)
    if calendar == "solar_hijri":
        return _solar(year, month, day)
    if calendar == "ethiopian":
        return _ethiopian(year, month, day)
    return date(year, month, day)


def year_of(calendar: str, day: date) -> int:
    """The year of `calendar` in which `day` falls."""
    if calendar == "buddhist":
        return day.year + BUDDHIST_OFFSET
    if calendar == "solar_hijri":
        begun = day >= new_year(calendar, day.year - _SOLAR_OFFSET)
        return day.year - _SOLAR_OFFSET - (not begun)
    if calendar == "ethiopian":
        return int(coptic.from_gregorian(day.year, day.month, day.day)[0]) + _COPTIC_OFFSET
    return day.year


def new_year(calendar: str, year: int) -> date:
    """The first day of a year of `calendar`."""
    return to_gregorian(calendar, year, 1, 1)


def _solar(year: int, month: int, day: int) -> date:
    """Six months of 31 days, five of 30, the last of 29 or, in a leap year, 30."""
    if not 1 <= month <= 12 or not 1 <= day <= (31 if month <= 6 else 30):
        raise ValueError("no such day")
    if year + _SOLAR_OFFSET not in _COMPUTED:
        return date(year + _SOLAR_OFFSET, 6, 1)  # centuries off: any day will do
    passed = (month - 1) * 31 if month <= 7 else (month - 1) * 30 + 6
    found = _nowruz(year) + timedelta(days=passed + day - 1)
    if month == 12 and day == 30 and found == _nowruz(year + 1):
        raise ValueError("no such day")
    return found


@lru_cache(maxsize=512)
def _nowruz(year: int) -> date:
    """The first day of a Solar Hijri year: the spring equinox at Tehran."""
    return date(*gregorian.from_jd(persian.equinox_jd(year + _SOLAR_OFFSET) + 0.5))


def _ethiopian(year: int, month: int, day: int) -> date:
    """Twelve months of 30 days and a thirteenth of five, or six in a leap year."""
    if not 1 <= month <= 13 or not 1 <= day <= coptic.month_length(year - _COPTIC_OFFSET, month):
        raise ValueError("no such day")
    return date(*coptic.to_gregorian(year - _COPTIC_OFFSET, month, day))
