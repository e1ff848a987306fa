"""Calendars: known days, days that do not exist, and months and years that cover two Gregorian ones."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

import pytest
from convertdate import persian
from hypothesis import given
from hypothesis import strategies as st

from counterflow.calendars import CALENDARS, new_year, to_gregorian, year_of

days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("calendar", "year", "month", "day", "gregorian"),
    [
        ("gregorian", 2010, 11, 25, date(2010, 11, 25)),
        ("buddhist", 2553, 11, 25, date(2010, 11, 25)),
        ("solar_hijri", 1389, 9, 4, date(2010, 11, 25)),
        ("solar_hijri", 1357, 11, 22, date(1979, 2, 11)),  # the Iranian revolution's day
        ("solar_hijri", 1403, 1, 1, date(2024, 3, 20)),
        ("solar_hijri", 1387, 12, 30, date(2009, 3, 20)),  # the leap day
        ("ethiopian", 2000, 1, 1, date(2007, 9, 12)),  # the Ethiopian millennium
        ("ethiopian", 2003, 3, 16, date(2010, 11, 25)),
        ("ethiopian", 1999, 13, 6, date(2007, 9, 11)),
    ],
)
def test_known_days(calendar: str, year: int, month: int, day: int, gregorian: date) -> None:
    assert to_gregorian(calendar, year, month, day) == gregorian


@pytest.mark.parametrize(
    ("calendar", "year", "month", "day"),
    [
        ("gregorian", 2010, 2, 29),
        ("buddhist", 2552, 2, 29),
        ("solar_hijri", 1388, 12, 30),
        ("solar_hijri", 1389, 7, 31),
        ("solar_hijri", 1389, 13, 1),
        ("ethiopian", 2000, 13, 6),
        ("ethiopian", 2000, 3, 31),
        ("ethiopian", 2000, 14, 1),
        ("ethiopian", 2000, 1, 0),
    ],
)
def test_days_that_do_not_exist(calendar: str, year: int, month: int, day: int) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        to_gregorian(calendar, year, month, day)


@given(st.integers(1280, 1430), st.integers(1, 12), st.integers(1, 31))
def test_solar_hijri_days_follow_each_other(year: int, month: int, day: int) -> None:
    """Every valid day but the last of a year has a next one, a day later."""
    try:
        found = to_gregorian("solar_hijri", year, month, day)
    except ValueError:
        return
    try:
        after = to_gregorian("solar_hijri", year, month, day + 1)
    except ValueError:
        after = (
            new_year("solar_hijri", year + 1)
            if month == 12
            else to_gregorian("solar_hijri", year, month + 1, 1)
        )
    assert after - found == timedelta(days=1)


@pytest.mark.parametrize("year", [1300, 1342, 1375, 1389, 1399, 1408])
def test_the_year_begins_where_the_library_says(year: int) -> None:
    assert new_year("solar_hijri", year) == date(*persian.to_gregorian(year, 1, 1))


@given(days, st.sampled_from(CALENDARS))
def test_a_day_lies_in_its_year(day: date, calendar: str) -> None:
    year = year_of(calendar, day)
    assert new_year(calendar, year) <= day < new_year(calendar, year + 1)


@given(st.sampled_from(CALENDARS), st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99))
def test_no_number_breaks_a_calendar(calendar: str, year: int, month: int, day: int) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(to_gregorian(calendar, year, month, day), date)
