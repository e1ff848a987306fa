"""What is said of cells that do not fit their contract's habits, and the fate of their rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterflow.contracts import load_contract
from counterflow.contracts.digest import reading_digest
from counterflow.contracts.model import Contract
from counterflow.ingest import Landed, ingest
from counterflow.sources import Refused
from tests.support import KEYS, NIGHT

CONTRACT = """\
mission: ALB
name: Testland
region: Eastern Europe
languages: [en]
steward: test-desk
missing: ["-99"]
months: {août: 8, февраля: 2}
source: {connection: x, path: "x{night:%Y}.csv", format: csv, delimiter: ";"}
codes:
  countries: {România: ROU, Roménia: ROU, Moldova: MDA, Türkiye: TUR, "NA": NAM}
tables:
  case:
    file: "*"
    key: Número
    columns:
      registered_on: {from: Registered, date: ["%d.%m.%Y", "%d.%m.%y", "%d %b %Y"]}
      country_of_exploitation: {from: País, codes: countries, basis: last_exploitation}
      duration_band: {from: Años, unit: years}
    becomes:
      age_band: {from: Edad, codes: {0-8: 0-8, 9--17: 9-17, 18-20: 18-20, 48+: 48+}}
    personal: [Señas]
    ignore: {Última visita: not used}
  citizenship:
    columns:
      citizenship: {from: Nación, codes: countries, many: "; "}
consent: {research: {from: Permiso, yes: [sí, yes], no: [no]}}
"""
COLUMNS = ("Número", "Registered", "País", "Años", "Edad", "Señas", "Última visita", "Nación")
Load = Callable[..., Landed]


def contract(
    folder: Path, calendar: str = "gregorian", band: dict[str, object] | None = None, **source: str
) -> Contract:
    """The contract above, with another calendar, another column of ages, more words of `source`."""
    data = yaml.load(CONTRACT, yaml.BaseLoader)
    data["calendar"] = calendar
    data["source"] |= source
    if band is not None:
        data["tables"]["case"]["becomes"]["age_band"] = {"from": "Edad", **band}
    path = folder / "ALB.yml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    return load_contract(path)


def text(rows: list[dict[str, str]], spoil: Callable[[str], str] = str) -> bytes:
    """The export: a row a case, consent given, cells blank unless said."""
    heads = [*COLUMNS, "Permiso"]
    lines = [
        [{"Número": f"{n}", "Permiso": "yes"} | row for row in rows][n] for n in range(len(rows))
    ]
    table = [heads, *([row.get(head, "") for head in heads] for row in lines)]
    quoted = [['"' + cell + '"' if ";" in cell else cell for cell in row] for row in table]
    return "\n".join(spoil(";".join(row)) for row in quoted).encode()


def signals(found: Landed, kind: str) -> list[tuple[str, str, int]]:
    """Table, field and rows of the signals of a kind."""
    rows = found.signals.to_pylist()
    return [(r["table_name"], r["field"], r["rows"]) for r in rows if r["kind"] == kind]


def values(found: Landed, field: str, table: str = "case") -> list[str | None]:
    return found.tables[table].column(field).to_pylist()


# Decimal marks


def test_both_decimal_marks_in_one_column(tmp_path: Path) -> None:
    rows = [{"Años": years} for years in ("0,5", "1,5", "2.5", "2.5", "3", "-99")]
    found = ingest(text(rows), contract(tmp_path, decimal=","), KEYS, NIGHT)
    assert values(found, "duration_band_reading") == [
        "ok", "ok", "not_a_number", "not_a_number", "ok", "blank",
    ]  # fmt: skip
    assert signals(found, "decimal_habit_mixed") == [("case", "duration_band", 2)]


def test_one_habit_is_not_mixed(tmp_path: Path) -> None:
    """All of the other habit: unreadable, but there is no doubt which habit the file has."""
    found = ingest(
        text([{"Años": "2.5"}, {"Años": "3"}]), contract(tmp_path, decimal=","), KEYS, NIGHT
    )
    assert values(found, "duration_band_reading") == ["not_a_number", "ok"]
    assert signals(found, "decimal_habit_mixed") == []


def test_a_withheld_row_is_no_evidence(tmp_path: Path) -> None:
    rows = [{"Años": "0,5"}, {"Años": "2.5", "Permiso": "no"}]
    found = ingest(text(rows), contract(tmp_path, decimal=","), KEYS, NIGHT)
    assert signals(found, "decimal_habit_mixed") == []


def sheet(folder: Path, rows: list[dict[str, object]], **said: str) -> Landed:
    """What ingest lands of a workbook with typed cells."""
    heads = [*COLUMNS, "Permiso"]
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        cells = book.add_worksheet("Cases")
        cells.write_row(0, 0, heads)
        for at, row in enumerate(rows, start=1):
            full: dict[str, object] = {"Número": at, "Permiso": "yes"} | row
            for place, head in enumerate(heads):
                value = full.get(head, "")
                if isinstance(value, date):
                    cells.write_datetime(at, place, value, day)
                else:
                    cells.write(at, place, value)
    data = contract(folder, **said).model_dump(by_alias=True, mode="json")  # type: ignore[arg-type]
    data["source"] |= {"format": "xlsx"}
    data["tables"]["case"] |= {"file": None, "sheet": "Cases"}
    data["tables"]["case"]["columns"]["registered_on"]["date"] = ["%Y-%m-%d", "%d/%m/%Y"]
    for table in data["tables"].values():
        table["key"] = table["key"] or None
    return ingest(target.getvalue(), Contract.model_validate(data), KEYS, NIGHT)


def test_a_real_number_of_a_workbook_has_no_habit(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"Años": 1.5, "País": "NA"}, {"Años": "1,5", "País": "NA"}]
    found = sheet(tmp_path, rows, decimal=",")
    assert values(found, "duration_band") == ["12_to_23_months"] * 2
    assert values(found, "country_of_exploitation") == ["na"] * 2  # Namibia, as it is compared
    assert signals(found, "decimal_habit_mixed") == []


def test_a_real_date_of_a_workbook_is_gregorian_in_all_calendars(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"Registered": date(2009, 3, 1)}, {"Registered": "01/07/2001"}]
    found = sheet(tmp_path, rows, calendar="ethiopian")
    assert values(found, "registered_month") == [date(2009, 3, 1), date(2009, 3, 1)]
    assert values(found, "registered_on_reading") == ["ok", "ok"]


# Calendars


def test_dates_of_another_calendar_are_told(tmp_path: Path) -> None:
    rows = [{"Registered": day} for day in ("01.02.2009", "25.11.2553", "04.09.1389", "01.01.1700")]
    found = ingest(text(rows), contract(tmp_path), KEYS, NIGHT)
    assert values(found, "registered_on_reading") == ["ok", "future", "too_old", "too_old"]
    assert signals(found, "calendar_unclear") == [("case", "registered_on", 1)] * 2
    details = [r["detail"] for r in found.signals.to_pylist() if r["kind"] == "calendar_unclear"]
    assert [d.rsplit(" ", 1)[1] for d in details] == ["buddhist", "solar_hijri"]


def test_a_gregorian_year_in_a_buddhist_export(tmp_path: Path) -> None:
    rows = [{"Registered": day} for day in ("25.11.2553", "25.11.2010", "25.11.2010", "25.11.2600")]
    found = ingest(text(rows), contract(tmp_path, calendar="buddhist"), KEYS, NIGHT)
    assert values(found, "registered_month") == [date(2010, 11, 1), None, None, None]
    assert ("case", "registered_on", 2) in signals(found, "calendar_unclear")


@pytest.mark.parametrize("day", ["01.02.2009", "26.11.2010", "", "-99", "31.02.2009", "x"])
def test_what_is_only_wrong_is_no_question_of_the_calendar(tmp_path: Path, day: str) -> None:
    found = ingest(text([{"Registered": day}]), contract(tmp_path), KEYS, NIGHT)
    assert signals(found, "calendar_unclear") == []


def test_two_digits_near_the_night_are_the_future_and_not_a_century_ago(tmp_path: Path) -> None:
    rows = [{"Registered": day} for day in ("25.11.10", "01.01.11", "31.12.30", "01.01.31")]
    found = ingest(text(rows), contract(tmp_path), KEYS, NIGHT)
    assert values(found, "registered_on_reading") == ["ok", "future", "future", "ok"]
    assert values(found, "registered_month")[3] == date(1931, 1, 1)
    assert found.next_reading == date(2011, 1, 1)


BIRTHS: dict[str, object] = {"date": "%d.%m.%y", "at": "registered_on"}


@given(st.integers(0, 99))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_birth_is_never_in_a_year_to_come(tmp_path: Path, short: int) -> None:
    rows = [{"Registered": "25.11.2010", "Edad": f"01.06.{short:02}"}]
    said = contract(tmp_path, band=BIRTHS)
    found = ingest(text(rows), said, KEYS, NIGHT)
    assert values(found, "registered_on_reading") == ["ok"]
    years = 2010 - short if short <= 10 else 110 - short
    assert (values(found, "age_band") == ["48+"]) == (years >= 48 and short > 10)
    # until its two digits mean a child of a hundred years later
    expected = date((2000 if short <= 10 else 1900) + short + 100, 1, 1)
    assert found.next_reading == expected
    later = ingest(text(rows), said, KEYS, expected)
    assert values(later, "registered_on_reading") == ["before_birth"]


# Bands that a spreadsheet turned into dates


BANDS: dict[str, object] = {
    "codes": {"0-8": "0-8", "9--17": "9-17", "18-20": "18-20", "48+": "48+"}
}


def test_a_band_that_became_a_date_is_taken_for_it_only_if_the_contract_says_so(
    tmp_path: Path,
) -> None:
    rows = [{"Edad": age} for age in ("9--17", "17-Sep", "2017-09-01", "18-20", "2010-10-05", "")]
    silent = ingest(text(rows), contract(tmp_path), KEYS, NIGHT)
    assert [(v or "")[:1] for v in values(silent, "age_band")] == ["9", "#", "#", "1", "#", ""]
    assert signals(silent, "band_was_date") == []
    said = ingest(
        text(rows), contract(tmp_path, band=BANDS | {"dates_are_bands": "true"}), KEYS, NIGHT
    )
    assert values(said, "age_band")[:4] == ["9--17", "9--17", "9--17", "18-20"]
    assert str(values(said, "age_band")[4]).startswith("#")  # of no band: quarantined
    assert signals(said, "band_was_date") == [("case", "age_band", 2)]


# Accents


def lose(line: str, mark: str = "?") -> str:
    return "".join(c if c.isascii() else mark for c in line)


ROW = {
    "Registered": "05 août 2010",
    "País": "Türkiye",
    "Edad": "18-20",
    "Señas": "Zxqvella",
    "Nación": "Türkiye; Moldova",
}


@pytest.mark.parametrize("mark", ["?", "\ufffd"])
def test_headers_codes_and_months_are_told_without_their_accents(tmp_path: Path, mark: str) -> None:
    data = text([ROW, ROW], lambda line: lose(line, mark))
    found = ingest(data, contract(tmp_path, accents="lost"), KEYS, NIGHT)
    assert values(found, "country_of_exploitation") == ["türkiye"] * 2
    assert values(found, "citizenship", "citizenship") == ["türkiye", "moldova"] * 2
    assert values(found, "registered_month") == [date(2010, 8, 1)] * 2
    assert sorted(signals(found, "accents_lost")) == [
        ("case", "", 6),
        ("case", "country_of_exploitation", 2),
        ("case", "registered_on", 2),
        ("citizenship", "citizenship", 2),
    ]
    assert signals(found, "unknown_column") == []
    assert "Zxqvella" not in str([t.to_pylist() for t in found.tables.values()])


def test_without_the_contracts_word_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no column") as refused:
        ingest(text([ROW], lose), contract(tmp_path), KEYS, NIGHT)
    assert refused.value.code == "missing_column"


def test_what_may_be_two_codes_is_neither(tmp_path: Path) -> None:
    rows = [ROW | {"País": "Rom?nia", "Nación": "Rom?nia; Moldova"}, ROW | {"País": "?????"}]
    found = ingest(text(rows, lose), contract(tmp_path, accents="lost"), KEYS, NIGHT)
    assert all(str(v).startswith("#") for v in values(found, "country_of_exploitation"))
    assert str(values(found, "citizenship", "citizenship")[0]).startswith("#")
    assert values(found, "citizenship", "citizenship")[1] == "moldova"
    unmapped = [s for s in signals(found, "unmapped_code") if s[0] == "case"]
    assert [rows for _, _, rows in unmapped] == [1, 1]


def test_what_may_be_two_columns_is_neither(tmp_path: Path) -> None:
    data = text([ROW], lose).replace(b"Se?as", b"Se?al").replace(b"?ltima visita", b"A?os")
    with pytest.raises(Refused) as refused:  # two columns that look like the one of the contract
        ingest(data, contract(tmp_path, accents="lost"), KEYS, NIGHT)
    assert refused.value.code == "double_column"


def test_consent_is_never_told_without_its_accents(tmp_path: Path) -> None:
    rows = [ROW | {"Permiso": "sí"}, ROW]
    found = ingest(text(rows, lose), contract(tmp_path, accents="lost"), KEYS, NIGHT)
    assert found.withheld == {"consent_unknown": 1}


def test_new_codes_are_a_new_reading_where_accents_are_lost(tmp_path: Path) -> None:
    said = contract(tmp_path, accents="lost")
    more = said.model_copy(deep=True)
    more.codes["countries"]["Túrkiye"] = more.codes["countries"]["Moldova"]
    assert reading_digest(said) != reading_digest(more)


def garble(line: str) -> str:
    return line.encode("utf-8").decode("cp1252")


def test_garbled_text_is_put_right_only_if_the_contract_says_so(tmp_path: Path) -> None:
    row = ROW | {"País": "România"}
    data = text([row, row], garble)
    found = ingest(data, contract(tmp_path, accents="garbled"), KEYS, NIGHT)
    assert values(found, "country_of_exploitation") == ["românia"] * 2
    assert signals(found, "accents_lost") == [("case", "", 6), ("case", "", 6)]
    with pytest.raises(Refused):
        ingest(data, contract(tmp_path), KEYS, NIGHT)


def test_text_that_is_not_garbled_stays_as_it_is(tmp_path: Path) -> None:
    found = ingest(text([ROW]), contract(tmp_path, accents="garbled"), KEYS, NIGHT)
    assert values(found, "country_of_exploitation") == ["türkiye"]
    assert signals(found, "accents_lost") == []


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_cell_breaks_it_and_none_is_guessed_twice(tmp_path: Path, cell: str) -> None:
    """Whatever a cell holds, it is one code of the contract, a token, or no answer."""
    cell = cell.replace('"', "").replace(";", "")
    for accents in ("lost", "garbled"):
        said = contract(tmp_path, accents=accents)
        found = ingest(text([ROW | {"País": cell}]), said, KEYS, NIGHT)
        (value,) = values(found, "country_of_exploitation")
        assert (
            value is None
            or value.startswith("#")
            or value in {"românia", "roménia", "moldova", "türkiye", "na"}
        )
