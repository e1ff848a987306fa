"""Formats and calendars are told from the cells, and read by the parser that ingest uses."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.onboarding.dates import DateShape, date_shape

NIGHT = date(2010, 11, 25)
DAYS = [date(2003, 1, 15) + timedelta(days=37 * n) for n in range(60)]


def shape(texts: list[str]) -> DateShape:
    found = date_shape(dict.fromkeys(texts, 1), NIGHT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "pattern",
    ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%Y%%", "%Y-%m-%dT%H:%M:%S", "%Y/%m"],
)
def test_a_format_is_found_again(pattern: str) -> None:
    if pattern == "%Y%%":
        pattern = "%Y"
    assert shape([day.strftime(pattern) for day in DAYS]).formats == (pattern,)


def test_day_or_month_first_is_a_doubt_where_no_number_is_above_twelve() -> None:
    found = shape([f"{d:02}/{m:02}/2009" for d in range(1, 13) for m in range(1, 11)])
    assert found.doubts
    assert not shape([day.strftime("%d/%m/%Y") for day in DAYS]).doubts


def test_names_of_months_of_any_language() -> None:
    lithuanian = ["sausio", "vasario", "kovo", "balandžio", "gegužės", "birželio"]
    found = shape([f"2009 m. {lithuanian[n % 6]} {1 + n} d." for n in range(28)])
    assert (found.formats, found.month_language) == (("%Y m. %b %d d.",), "lt")
    assert shape([f"{1 + n} mars 2009" for n in range(28)]).formats == ("%d %b %Y",)


def test_the_buddhist_era_is_told_by_its_years() -> None:
    found = shape([f"{day.day:02}/{day.month:02}/{day.year + 543}" for day in DAYS])
    assert (found.formats, found.calendar) == (("%d/%m/%Y",), "buddhist")
    assert shape([day.strftime("%d/%m/%Y") for day in DAYS]).calendar == "gregorian"


def test_the_solar_hijri_calendar_is_told_by_its_years() -> None:
    assert (
        shape([f"13{82 + n % 6}/{1 + n % 12}/{1 + n}" for n in range(28)]).calendar == "solar_hijri"
    )


def test_dates_in_two_ways_are_two_formats() -> None:
    texts = [d.strftime("%Y-%m-%d") for d in DAYS[:40]] + [
        d.strftime("%d/%m/%Y") for d in DAYS[40:]
    ]
    assert shape(texts).formats == ("%Y-%m-%d", "%d/%m/%Y")


@pytest.mark.parametrize(
    "texts", [["yes", "no"], ["12345", "23456"], ["Zxqvella", "Maria"], ["1", "2"]]
)
def test_other_things_are_no_dates(texts: list[str]) -> None:
    assert date_shape(dict.fromkeys(texts, 9), NIGHT) is None


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 9), min_size=1, max_size=20))
def test_no_text_is_too_strange(values: dict[str, int]) -> None:
    found = date_shape(values, NIGHT)
    assert found is None or found.share >= 0.5
