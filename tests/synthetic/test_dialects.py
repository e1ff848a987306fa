"""Scripts, calendars, digits, decimals and file formats: files of small missions read by hand."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from convertdate import coptic, persian
from hypothesis import given
from hypothesis import strategies as st

from counterflow.synthetic import calendars, forms, generate, languages
from counterflow.synthetic.forms.base import Form, layout
from counterflow.synthetic.missions import MISSIONS
from tests.synthetic import reading
from tests.synthetic.conftest import World
from tests.synthetic.test_forms import longest_match
from tests.synthetic.test_generate import digest

NIGHT = "2010-11-25"
FORMS = {mission.code: forms.build(mission) for mission in MISSIONS}
DAYS = st.dates(date(1930, 1, 1), date(2015, 12, 31))


def accepted(world: World, mission: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Truth and file row of every accepted case."""
    folder = world.out / "exports" / mission
    key = reading.key(folder)
    rows = {row[key]: row for row in reversed(reading.sources(folder, NIGHT)["case"])}
    return [(case, rows[case["case_number"]]) for case in world.truth(mission, "case")]


def plain(text: str) -> str:
    """Text with every script's digits written 0 to 9."""
    return "".join(str(unicodedata.decimal(c, c)) for c in text)


def test_enough_languages_scripts_calendars_and_formats() -> None:
    spoken = {form.language for form in FORMS.values()}
    assert len(spoken) >= 16
    words = "".join(c.header for form in FORMS.values() for c in form.sources["case"])
    scripts = {unicodedata.name(c, "").split()[0] for c in words if c.isalpha()}
    assert scripts >= {"LATIN", "CYRILLIC", "ARABIC", "THAI", "ETHIOPIC", "DEVANAGARI", "KHMER"}
    assert {form.calendar for form in FORMS.values()} == set(calendars.BEGINS)
    assert {form.kind for form in FORMS.values()} == {
        "csv", "fixed", "zip", "xlsx", "xls", "ods", "json"
    }  # fmt: skip
    assert [m.code for m in MISSIONS[:6]] == ["MDA", "IDN", "GHA", "HND", "NPL", "THA"]


@given(DAYS)
def test_days_of_local_calendars_are_those_of_the_library(day: date) -> None:
    year, month, number = calendars.local("ethiopian", day)
    assert coptic.to_gregorian(year - 276, month, number) == (day.year, day.month, day.day)
    assert calendars.local("gregorian", day) == (day.year, day.month, day.day)
    assert calendars.local("buddhist", day)[0] == day.year + 543


@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        ("solar_hijri", date(2007, 3, 21), (1386, 1, 1)),
        ("solar_hijri", date(2009, 3, 20), (1387, 12, 30)),  # a leap year's last day
        ("solar_hijri", date(2010, 9, 22), (1389, 6, 31)),
        ("solar_hijri", date(2010, 9, 23), (1389, 7, 1)),
        ("ethiopian", date(2007, 9, 12), (2000, 1, 1)),
        ("ethiopian", date(2007, 9, 11), (1999, 13, 6)),
    ],
)
def test_days_known_from_elsewhere(
    calendar: str, day: date, expected: tuple[int, int, int]
) -> None:
    assert calendars.local(calendar, day) == expected


@given(st.integers(1940, 2012), st.sampled_from([3, 60, 186, 187, 300, 364]))
def test_solar_days_agree_with_the_library(year: int, passed: int) -> None:
    first = date(*map(int, persian.to_gregorian(year - 621, 1, 1)))
    day = date.fromordinal(first.toordinal() + passed)
    assert calendars.local("solar_hijri", day) == tuple(
        persian.from_gregorian(*day.timetuple()[:3])
    )


@pytest.mark.parametrize("calendar", calendars.BEGINS)
def test_a_local_year_begins_in_its_gregorian_year(calendar: str) -> None:
    for year in range(1990, 2012):
        days = [date.fromordinal(date(year, 1, 1).toordinal() + n) for n in range(365)]
        firsts = [d for d in days if calendars.local(calendar, d)[1:] == (1, 1)]
        assert [calendars.local(calendar, d)[0] for d in firsts] == [
            calendars.year_beginning(calendar, year)
        ]


@pytest.mark.parametrize("code", [code for code, form in FORMS.items() if form.accents_lost])
def test_what_lost_its_accents_can_still_be_told(code: str) -> None:
    form = FORMS[code]

    def lost(text: str) -> str:
        return text.encode("ascii", errors="replace").decode()

    held = [list(values.values()) for values in form.lists.values()]
    held += [list(form.countries.values()), [c.header for c in form.sources["case"]]]
    for words in held:
        assert len({lost(word) for word in words}) == len(words)
    assert any("?" in lost(c.header) for c in form.sources["case"])


REGISTERS = sorted(code for code, form in FORMS.items() if form.name.startswith("register"))


@pytest.mark.parametrize("code", REGISTERS)
@given(data=st.data())
def test_lists_of_registers_have_one_reading(code: str, data: st.DataObject) -> None:
    form: Form = FORMS[code]
    columns = [c for c in form.sources["case"] if c.many and c.codes != "countries"]
    items = list(form.lists[data.draw(st.sampled_from(columns)).codes].values())
    chosen = data.draw(st.lists(st.sampled_from(items), unique=True))
    assert longest_match(form.joiner.join(chosen), items, form.joiner) == chosen


def test_solar_dates_in_persian_digits(full: World) -> None:
    pairs = accepted(full, "TJK")
    for case, row in pairs:
        text = row["تاریخ ثبت"]
        assert text != plain(text)
        year, month, day = map(int, plain(text).split("/"))
        born = date(*map(int, persian.to_gregorian(year, month, day)))
        assert case["registered_month"] == born.replace(day=1)
    legs = {(leg["case_number"], leg["leg_number"]): leg for leg in full.truth("TJK", "route_leg")}
    seen = 0
    for case, row in pairs:
        for number in (1, 2):
            cells = [row[f"{name} {number}"] for name in ("از", "به", "سال")]
            leg = legs.get((case["case_number"], number))
            assert (leg is not None) == any(cell not in ("", "نامعلوم") for cell in cells)
            if leg and leg["year"]:
                assert int(plain(cells[2])) == leg["year"] - 621
                seen += 1
    assert seen > 10


def test_ethiopian_months_and_numerals(full: World) -> None:
    names = FORMS["ETH"].months
    ages = set()
    for case, row in accepted(full, "ETH"):
        day, month, year = row["የምዝገባ ቀን"].split()
        known = coptic.to_gregorian(int(year) - 276, names.index(month) + 1, int(day))
        assert case["registered_month"] == date(*known).replace(day=1)
        ages.add(row["ዕድሜ"])
    numerals = {age for age in ages if age and "\u1369" <= age[0] <= "\u137c"}
    assert numerals
    assert {int(sum(unicodedata.numeric(c) for c in age)) for age in numerals} <= set(range(100))


def test_decimal_commas_are_rounded_down(full: World) -> None:
    fractions = 0
    for case, row in accepted(full, "POL"):
        months = row["MIESIĄCE"]
        if months in ("", "b.d.", "n/d"):
            assert case["duration_band"] == "unknown"
            continue
        fractions += "," in months
        whole = int(months.partition(",")[0])
        bands = ((3, "under_3_months"), (12, "3_to_11_months"), (24, "12_to_23_months"))
        band = next((name for below, name in bands if whole < below), "24_months_and_over")
        assert case["duration_band"] == band
    assert fractions > 10
    rules = [fate["rule_id"] for m in ("POL", "TUR", "TLS") for fate in full.truth(m, "rows")]
    assert "case.age_band_readable" in rules


def test_a_fixed_width_line_is_as_wide_as_its_columns(full: World) -> None:
    text = reading.export(full.out / "exports" / "POL", NIGHT).read_bytes().decode("cp1250")
    width = sum(w for _, w in layout(FORMS["POL"])) + len(layout(FORMS["POL"])) - 1
    assert {len(line) for line in text.split("\r\n")[:-1]} == {width}


@pytest.mark.parametrize("mission", ["PAK", "ITA", "AUT", "CZE"])
def test_a_form_of_one_value_holds_one(full: World, mission: str) -> None:
    """Labels hold "; " themselves, so a cell is one label of its list."""
    form = FORMS[mission]
    lists = {"Methods of Control": "means_of_control", "Type of Exploitation": "exploitation_type",
             "Forced Labour Industry": "labour_sector"}  # fmt: skip
    for _, row in accepted(full, mission):
        trimmed = {name.strip(): cell for name, cell in row.items()}
        for label, name in lists.items():
            assert trimmed[label] in {*form.lists[name].values(), *form.missing}
    yes = [c for c in full.truth(mission, "control") if c["answer"] == "yes"]
    assert len({c["case_number"] for c in yes}) == len(yes)


def test_versions_of_the_template_ask_different_things(full: World) -> None:
    assert {c["trafficking_status"] for c in full.truth("PAK", "case")} == {"not_asked"}
    assert full.truth("PAK", "vulnerability")
    assert not full.truth("CZE", "vulnerability")
    assert full.truth("CZE", "screening")
    assert {c.technical for c in FORMS["ITA"].sources["case"]} >= {
        "vic_AgreementToManagePersonalData", "vic_RecruitmentWebsitesAndApps"
    }  # fmt: skip


def test_every_language_is_of_the_iso_and_has_a_name() -> None:
    assert all(len(code) == 3 and code.isascii() for code in languages.codes())
    for language in {form.language for form in FORMS.values()}:
        names = languages.names(language)
        assert len(set(names.values())) == len(names)


def test_every_format_is_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, missions=72, cases=400)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
