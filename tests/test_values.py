"""Cells become dates, numbers, bands and list items; whatever they hold, nothing is lost or raised."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.canonical import AGE_BANDS, DURATION_BANDS
from counterflow.text import fold
from counterflow.values import (
    age_band,
    duration_band,
    parse_date,
    parse_number,
    split_list,
)

NONE: frozenset[str] = frozenset()
dates = st.dates(date(1900, 1, 1), date(2400, 12, 31))


@given(dates)
def test_a_date_is_read_as_it_was_written(day: date) -> None:
    assert parse_date(day.strftime("%d.%m.%Y"), ["%d.%m.%Y"], "gregorian", NONE) == (
        day,
        "ok",
    )


@given(dates)
def test_a_buddhist_year_is_543_ahead(day: date) -> None:
    text = f"{day.day}/{day.month}/{day.year + 543}"
    assert parse_date(text, ["%d/%m/%Y"], "buddhist", NONE) == (day, "ok")


def test_the_29th_of_february_is_judged_in_the_gregorian_year() -> None:
    assert parse_date("29/2/2543", ["%d/%m/%Y"], "buddhist", NONE) == (
        date(2000, 2, 29),
        "ok",
    )


@given(dates)
def test_arabic_indic_and_thai_digits_are_digits(day: date) -> None:
    text = day.strftime("%Y-%m-%d")
    for zero in ("٠", "๐", "০"):
        local = "".join(chr(ord(zero) + int(c)) if c.isdigit() else c for c in text)
        assert parse_date(local, ["%Y-%m-%d"], "gregorian", NONE) == (day, "ok")


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("31.02.2009", "impossible_date"),
        ("00.01.2009", "impossible_date"),
        ("2009-02-01", "not_a_date"),
        ("in spring", "not_a_date"),
        ("01.01.1899", "too_old"),
        ("", "blank"),
        ("-99", "blank"),
        (
            "01.02.2009 ",
            "not_a_date",
        ),  # cells arrive cleaned: a blank here is not ours to forgive
    ],
)
def test_what_is_no_date_says_why(text: str, reading: str) -> None:
    assert parse_date(text, ["%d.%m.%Y"], "gregorian", frozenset({"-99"})) == (
        None,
        reading,
    )


@given(st.text(max_size=40))
def test_no_text_breaks_the_date_parser(text: str) -> None:
    day, reading = parse_date(text, ["%d.%m.%Y", "%Y"], "gregorian", NONE)
    assert (day is not None) == (reading == "ok")


@given(st.text(max_size=20))
def test_no_text_breaks_the_number_parser(text: str) -> None:
    number, reading = parse_number(text, NONE)
    assert (number is not None) == (reading == "ok")


@given(st.integers(0, 120))
def test_an_age_is_in_the_band_that_names_it(age: int) -> None:
    band = age_band(age)
    first, _, last = band.rstrip("+").partition("-")
    assert band in AGE_BANDS
    assert int(first) <= age <= int(last or 120)


@pytest.mark.parametrize(
    ("months", "band"),
    [(0, 0), (2, 0), (3, 1), (11, 1), (12, 2), (23, 2), (24, 3), (300, 3)],
)
def test_durations_fall_into_bands(months: int, band: int) -> None:
    assert duration_band(months) == DURATION_BANDS[band]


# Labels that hold the delimiter, and labels that begin other labels: what naive splits break on.
LABELS = (
    "Niger",
    "Nigeria",
    "Guinea",
    "Guinea-Bissau",
    "Sudan",
    "South Sudan",
    "Moldova, Republic of",
    "Water supply; sewerage, waste management",
    "Wholesale and retail trade; repair of motor vehicles",
)
KNOWN = frozenset(map(fold, LABELS))


@given(st.lists(st.sampled_from(LABELS), unique=True), st.sampled_from(["; ", ", ", ";"]))
def test_a_list_is_read_by_the_longest_code(items: list[str], delimiter: str) -> None:
    assert split_list(delimiter.join(items), delimiter, KNOWN) == list(map(fold, items))


@given(st.lists(st.sampled_from(["ab", "abc", "d_e"]), unique=True))
def test_codes_between_blanks(items: list[str]) -> None:
    assert split_list(" ".join(items), " ", frozenset({"ab", "abc", "d_e"})) == items


def test_an_unknown_item_is_one_item_and_the_rest_is_read() -> None:
    assert split_list("Niger; Atlantis; Sudan", "; ", KNOWN) == [
        "niger",
        "atlantis",
        "sudan",
    ]
    assert split_list("Nigerien", "; ", KNOWN) == ["nigerien"]  # not Niger with a remainder


@given(st.text(max_size=60), st.sampled_from(["; ", ", ", " "]))
def test_nothing_in_a_list_is_dropped(text: str, delimiter: str) -> None:
    items = split_list(text, delimiter, KNOWN)

    def letters(value: str) -> list[str]:
        return [c for c in fold(value) if c.isalnum()]

    left = letters(text)
    found = {c for item in items for c in letters(item)}
    assert set(left) == found
    assert len(items) == len(set(items))
