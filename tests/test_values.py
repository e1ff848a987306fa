"""Cells become dates, numbers, bands and list items; whatever they hold, nothing is lost or raised."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.canonical import AGE_BANDS, DURATION_BANDS
from counterflow.text import digits, fold
from counterflow.values import (
    DateReader,
    age_band,
    damaged_months,
    duration_band,
    parse_date,
    parse_number,
    redated_band,
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


THAI_NAMES = (
    "ม.ค.",
    "ก.พ.",
    "มี.ค.",
    "เม.ย.",
    "พ.ค.",
    "มิ.ย.",
    "ก.ค.",
    "ส.ค.",
    "ก.ย.",
    "ต.ค.",
    "พ.ย.",
    "ธ.ค.",
)
THAI = {name: number for number, name in enumerate(THAI_NAMES, start=1)}
BENGALI = {"জানুয়ারী": 1, "ফেব্রুয়ারী": 2, "মার্চ": 3, "এপ্রিল": 4, "সেপ্টেম্বর": 9, "ডিসেম্বর": 12}
AMHARIC = {"መስከረም": 1, "ጥቅምት": 2, "ኅዳር": 3, "ታኅሣሥ": 4, "ጥር": 5, "ጳጉሜን": 13}
PERSIAN = {"فروردین": 1, "اردیبهشت": 2, "آذر": 9, "اسفند": 12}
VIETNAMESE = {f"tháng {n}": n for n in range(1, 13)}
SHAN = {"mar": 3, "mars": 4}  # one begins the other


@pytest.mark.parametrize(
    ("months", "pattern", "calendar", "text", "day"),
    [
        (THAI, "%d %b %Y", "buddhist", "๒๕ พ.ย. ๒๕๕๓", date(2010, 11, 25)),
        (THAI, "%d %b %Y", "buddhist", "25 มี.ค. 2553", date(2010, 3, 25)),
        (THAI, "%d%b%Y", "buddhist", "25มิ.ย2553", date(2010, 6, 25)),  # the last stop is left out
        (BENGALI, "%d %b, %Y", "gregorian", "০৫ সেপ্টেম্বর, ২০১০", date(2010, 9, 5)),
        (BENGALI, "%d %b, %Y", "gregorian", "৫ জানুয়ারী, ২০১০", date(2010, 1, 5)),
        (AMHARIC, "%b %d ቀን %Y", "ethiopian", "ኅዳር 16 ቀን 2003", date(2010, 11, 25)),
        (AMHARIC, "%b %d ቀን %Y", "ethiopian", "ኅዳር ፲፮ ቀን ፳፻፫", date(2010, 11, 25)),
        (AMHARIC, "%d %b %Y", "ethiopian", "6 ጳጉሜን 1999", date(2007, 9, 11)),
        (PERSIAN, "%d %b %Y", "solar_hijri", "۴ آذر ۱۳۸۹", date(2010, 11, 25)),
        (VIETNAMESE, "%d %b %Y", "gregorian", "5 Tháng 11 2010", date(2010, 11, 5)),
        (SHAN, "%d%b%Y", "gregorian", "5mars2010", date(2010, 4, 5)),
        ({"août": 8}, "%d %b %Y", "gregorian", "5 AOÛT. 2010", date(2010, 8, 5)),
    ],
)
def test_months_have_names_in_every_script(
    months: dict[str, int], pattern: str, calendar: str, text: str, day: date
) -> None:
    assert DateReader([pattern], calendar, months=months)(text) == (day, "ok")


@pytest.mark.parametrize("text", ["5 Brumaire 2010", "5  2010", "5 tháng 2010", "5 tháng 13 2010"])
def test_a_name_that_is_no_month_is_no_date(text: str) -> None:
    assert DateReader(["%d %b %Y"], months=VIETNAMESE)(text) == (None, "not_a_date")


@pytest.mark.parametrize(
    ("calendar", "pattern", "text", "day"),
    [
        ("solar_hijri", "%Y", "1389", date(2010, 3, 21)),  # of 2010 and 2011, the one it begins in
        ("ethiopian", "%Y", "2003", date(2010, 9, 11)),
        ("buddhist", "%Y", "2553", date(2010, 1, 1)),
        ("solar_hijri", "%m/%Y", "1/1389", date(2010, 3, 21)),  # of March and April, March
        ("ethiopian", "%m/%Y", "13/2002", date(2010, 9, 6)),
    ],
)
def test_years_and_months_count_from_their_first_day(
    calendar: str, pattern: str, text: str, day: date
) -> None:
    assert DateReader([pattern], calendar)(text) == (day, "ok")


@given(st.integers(0, 99), st.integers(1950, 2040), st.sampled_from([0, 20]))
def test_two_digits_are_the_last_such_year(short: int, night: int, ahead: int) -> None:
    read = DateReader(["%d.%m.%y"], newest=night + ahead)
    day, reading = read(f"01.02.{short:02}")
    if reading == "too_old":
        assert night + ahead < 2000
        return
    assert day is not None
    assert day.year % 100 == short
    assert night + ahead - 100 < day.year <= night + ahead
    assert read.oldest_short == day.year


def test_two_digits_of_another_calendar_are_of_its_years() -> None:
    assert DateReader(["%d/%m/%y"], "buddhist", newest=2553)("25/11/53")[0] == date(2010, 11, 25)
    assert DateReader(["%d/%m/%y"], "buddhist", newest=2553)("25/11/54")[0] == date(1911, 11, 25)
    assert DateReader(["%d/%m/%y"], "solar_hijri", newest=1389)("04/09/89")[0] == date(2010, 11, 25)


def test_four_digits_are_never_taken_for_two() -> None:
    read = DateReader(["%d.%m.%y"], newest=2010)
    assert read("01.02.1985") == (None, "not_a_date")
    assert read.oldest_short is None


@given(st.text(max_size=30), st.sampled_from(["%d %b %Y", "%b", "%d.%m.%y", "%m/%Y"]))
def test_no_text_breaks_a_reader_of_names(text: str, pattern: str) -> None:
    for calendar in ("buddhist", "solar_hijri", "ethiopian"):
        day, reading = DateReader([pattern], calendar, months=THAI | AMHARIC)(text)
        assert (day is not None) == (reading == "ok")


def test_months_without_their_accents() -> None:
    months = {"août": 8, "février": 2, "mar": 3, "é": 1, "jän": 1, "jün": 6}
    found = damaged_months(months)
    assert found["ao?t"] == 8
    assert found["f\ufffdvrier"] == 2
    assert "j?n" not in found  # of two months
    assert not {"mar", "?"} & set(found)


# Every script whose digits exports are written in; each is ten characters in a row.
ZEROS = "٠۰०০๐០໐၀੦૦௦"


@given(st.integers(0, 999999), st.sampled_from(ZEROS))
def test_digits_of_every_script(number: int, zero: str) -> None:
    assert digits("".join(chr(ord(zero) + int(c)) for c in str(number))) == str(number)


@pytest.mark.parametrize(
    ("numeral", "number"),
    [("፩", 1), ("፲", 10), ("፲፩", 11), ("፻", 100), ("፲፱፻፹፭", 1985), ("፳፻፫", 2003), ("፻፳፫", 123),
     ("፼", 10000), ("፲፪፼፫፻፬", 120304)],
)  # fmt: skip
def test_ethiopic_numerals(numeral: str, number: int) -> None:
    assert digits(numeral) == str(number)


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [("2.5", ".", 2), ("2,5", ",", 2), ("2,5", ".", None), ("2.5", ",", None), ("17.0", ".", 17),
     ("٢٫٥", ",", 2), ("২.৯", ".", 2), ("1,500", ",", 1), ("1.500,0", ",", None), ("12", ",", 12),
     (".5", ".", None), ("2.", ".", None), ("-3", ".", None)],
)  # fmt: skip
def test_a_decimal_number_is_rounded_down(text: str, decimal: str, number: int | None) -> None:
    expected = (number, "ok") if number is not None else (None, "not_a_number")
    assert parse_number(text, NONE, decimal) == expected


CTDC = ("0--8", "9--17", "18--20", "21--23", "24--26", "27--29", "30--38", "39--47", "48+")


@pytest.mark.parametrize(
    "text",
    ["2017-09-01", "2011-09-17", "Sep-17", "17-Sep", "17-Sep-11", "9-Jan-17", "2017-01-09",
     "17/09/2011", "9/17/2011", "17.09.2011", "01/09/2017"],
)  # fmt: skip
def test_a_band_that_became_a_date_is_found(text: str) -> None:
    assert redated_band(text, CTDC) == "9--17"


@pytest.mark.parametrize(
    "text",
    ["2011-03-05", "Oct-17", "17-Sept.-11", "", "9", "September", "18-20", "9--17", "13/13/13"],
)
def test_other_dates_are_no_band(text: str) -> None:
    assert redated_band(text, CTDC) is None


def test_a_date_of_two_bands_is_neither() -> None:
    assert redated_band("2010-10-05", ("5-10", "10-14")) == "5-10"
    assert redated_band("2010-10-05", ("5-10", "10-5")) is None
    assert redated_band("17-sep", ("9-17", "09–17")) == "9-17"  # two writings of one band
    assert redated_band("17-märz", ("3-17",), {"märz": 3}) is None  # a month's short name has three


@given(st.text(max_size=20))
def test_no_text_breaks_the_search_for_a_band(text: str) -> None:
    assert redated_band(text, CTDC) in (None, *CTDC)


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


ACCENTED = ("România", "Roménia", "Moldova; république", "Côte d'Ivoire", "Éire", "Niger")
FOLDED = frozenset(map(fold, ACCENTED))


def lost(text: str, mark: str) -> str:
    return "".join(c if c.isascii() else mark for c in text)


@given(st.lists(st.sampled_from(ACCENTED), unique=True), st.sampled_from("?\ufffd"))
def test_items_are_found_without_their_accents(items: list[str], mark: str) -> None:
    """All but the two that look alike without them: what may be either is left as it is."""
    text = lost("; ".join(items), mark)
    found = split_list(text, "; ", FOLDED, lost=True)
    same = {lost(fold(x), mark): fold(x) for x in ACCENTED}
    doubtful = {lost("românia", mark), lost("roménia", mark)} - {"românia"}
    expected = [x if x in doubtful else same[x] for x in (lost(fold(i), mark) for i in items)]
    assert found == list(dict.fromkeys(expected))


def test_accents_are_not_guessed_unless_the_contract_says_so() -> None:
    assert split_list("C?te d'Ivoire; Niger", "; ", FOLDED) == ["c?te d'ivoire", "niger"]


def test_the_longer_of_two_codes_wins_where_both_end_at_a_delimiter() -> None:
    known = frozenset({"trade", "trade; repair", "rep?"})
    assert split_list("Trade; Repair; Trade", "; ", known) == ["trade; repair", "trade"]
    assert split_list("trade; rep?", "; ", known, lost=True) == ["trade", "rep?"]
