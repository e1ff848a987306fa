"""Every bad input of a night, through plan, ingest and validation: the others go on, nothing is lost,
the message names mission and cure, and no person's value is anywhere under the home."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.landing import Landing, NightRecord
from counterflow.sealing import Seal
from counterflow.warehouse.patterns import shapes
from counterflow.warehouse.sentences import ours, said
from tests.support import (
    COLUMNS,
    NIGHT,
    SECRET,
    Agency,
    archive,
    case,
    everything,
    export,
    table,
)

BAD = "BLR"


def night(agency: Agency, on=NIGHT) -> dict[str, NightRecord]:
    """Plan, ingest and validate one night; the record of each mission."""
    plan = nightly.plan(agency.settings, on)
    for mission in plan.changed:
        nightly.ingest(agency.settings, on, mission)
    nightly.validate(agency.settings, on)
    found = {m: Landing(agency.settings.landing, m).record(on) for m in agency.missions}
    records = {m: record for m, record in found.items() if record is not None}
    contracts = said(agency.settings.missions)
    nights = {str(NIGHT + timedelta(days=n)) for n in range(5)}
    for mission, record in records.items():  # the leak gate lets every message of ours pass
        assert record.message == "" or ours(record.message, contracts, (mission,)), record.message
        assert shapes(record.message, nights) == []
    return records


def quarantined(agency: Agency, record: NightRecord) -> dict[int, set[str]]:
    """Rule ids by source row of the case source."""
    path = Landing(agency.settings.landing, record.mission_code).path(record.export or "")
    rows = (
        Seal.of(agency.settings)
        .read(path / (record.verdict or "") / "failures.parquet")
        .to_pylist()
    )
    found: dict[int, set[str]] = {}
    for row in rows:
        if row["source"] == "case":
            found.setdefault(row["source_row"], set()).add(row["rule_id"])
    return found


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    for mission in made.missions:
        made.deliver(mission, export())
    return made


def others_are_loaded(agency: Agency, records: dict[str, NightRecord]) -> None:
    for mission in agency.missions:
        if mission != BAD:
            assert records[mission].status == "loaded"
            assert records[mission].rows_accepted == 60
    found = everything(agency.settings.home, Seal.of(agency.settings))
    assert SECRET not in found
    assert SECRET.casefold() not in found.casefold()
    for record in records.values():
        counted = record.rows_accepted + record.rows_quarantined + record.rows_blank
        assert record.rows_read == counted + sum((record.withheld or {}).values())


def cases() -> list[dict[str, str]]:
    return [case(n) for n in range(30)]


def changed() -> bytes:
    """A good export of the next night: one case has changed."""
    return export([case(n, Sex="M" if n == 0 else "F") for n in range(30)])


def with_cell(column: str, text: str) -> bytes:
    rows = cases()
    rows[3] = rows[3] | {column: text}
    return export(rows)


def renamed() -> bytes:
    columns = tuple("Gender" if c == "Sex" else c for c in COLUMNS)
    return export(
        [{("Gender" if k == "Sex" else k): v for k, v in r.items()} for r in cases()],
        columns=columns,
    )


def split_once_more() -> bytes:
    rows = [r | {"Notes": f"{SECRET}; said; so"} for r in cases()]
    text = table(rows, COLUMNS).replace('"', "")
    return archive({"cases.csv": text.encode(), "means.csv": b"No.;Means\nA-1;debt\n"})


def sentence_header() -> bytes:
    sentence = (
        "These data may be used only under the terms agreed with the mission and not be passed on"
    )
    text = table(cases(), COLUMNS).replace("No.;", f"{sentence};", 1)
    return archive({"cases.csv": text.encode(), "means.csv": b"No.;Means\nA-1;debt\n"})


def truncated() -> bytes:
    return export()[:-400]


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("cases.csv", b"0" * 30_000_000)
        made.writestr("means.csv", b"No.;Means\n")
    return target.getvalue()


def climbing() -> bytes:
    good = export()
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(target, "w") as made:
        for name in old.namelist():
            made.writestr(name, old.read(name))
        made.writestr("../../climbed.csv", SECRET)
    return target.getvalue()


def files(**content: bytes) -> bytes:
    return archive({f"{name}.csv": data for name, data in content.items()})


MEANS = b"No.;Means\nA-1;debt\n"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty_file": (lambda: files(cases=b"", means=MEANS), "empty"),
    "nothing_at_all": (lambda: b"", "zip"),
    "header_only": (lambda: export([], []), "not one case"),
    "truncated_zip": (truncated, "zip"),
    "wrong_encoding": (
        lambda: export([case(n, Notes="căsătorită") for n in range(30)], encoding="cp1250"),
        "utf-8",
    ),
    "utf_16": (lambda: export(encoding="utf-16"), "utf-16"),
    "wrong_delimiter": (lambda: export(delimiter=","), "delimiter"),
    "renamed_column": (renamed, "`Sex`"),
    "split_once_more": (split_once_more, "more cells than the header"),
    "sentence_header": (sentence_header, "sentence"),
    "half_the_rows": (lambda: export(cases()[:3]), "rows_minimum"),
    "huge_cell": (lambda: with_cell("Notes", SECRET * 20_000), "cell is larger"),
    "zip_bomb": (bomb, "exceed"),
    "climbing_path": (climbing, "climbs out"),
    "nul_bytes": (lambda: with_cell("Notes", f"{SECRET}\0x"), "NUL"),
    "missing_file": (
        lambda: files(cases=table(cases(), COLUMNS).encode()),
        "means.csv",
    ),
    "an_html_error_page": (lambda: b"<html>" + SECRET.encode() + b"</html>", "zip"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(agency: Agency, name: str) -> None:
    """The export is refused as a whole; last night's data stays and is stale."""
    records = night(agency)
    assert records[BAD].status == "loaded"
    good, on = records[BAD].export, NIGHT + timedelta(days=1)
    make, said = REFUSED[name]
    for mission in agency.missions:
        agency.deliver(mission, make() if mission == BAD else changed(), on)
    records = night(agency, on)
    bad = records[BAD]
    assert (bad.status, bad.is_stale, bad.export) == ("refused", True, good)
    assert bad.message.startswith(f"{BAD}: ")
    assert said in bad.message
    assert bad.message.rstrip().endswith(".")
    others_are_loaded(agency, records)


# What is wrong with row 4 (of 30), and the rule that must say so.
QUARANTINED = {
    "no_such_day": ("Registered", "31.02.2009", "case.registered_on_readable"),
    "no_date": ("Registered", "in spring", "case.registered_on_readable"),
    "buddhist_year_read_as_gregorian": (
        "Registered",
        "01.03.2565",
        "case.registered_on_not_future",
    ),
    "before_birth": ("Born", "01.04.2009", "case.registered_on_not_before_birth"),
    "in_the_future": ("Registered", "26.11.2010", "case.registered_on_not_future"),
    "unmapped_code": ("Sex", SECRET, "case.gender_mapped"),
    "unmapped_item": (
        "Citizenship",
        f"Romania, {SECRET}",
        "citizenship.citizenship_mapped",
    ),
    "formula": ("Labour", "=HYPERLINK(1)", "case.is_forced_labour_mapped"),
    "no_case_number": ("No.", "", "case.key_present"),
}


@pytest.mark.parametrize("name", QUARANTINED)
def test_quarantined(agency: Agency, name: str) -> None:
    """One row is quarantined with its rule; the rest of the export is accepted."""
    column, text, rule = QUARANTINED[name]
    agency.deliver(BAD, with_cell(column, text))
    records = night(agency)
    assert records[BAD].status == "loaded"
    found = quarantined(agency, records[BAD])
    assert set(found) == {4}
    assert rule in found[4]
    others_are_loaded(agency, records)


def test_duplicate_case_numbers(agency: Agency) -> None:
    """A row printed twice is kept once; two rows that contradict each other are both quarantined."""
    rows = [*cases(), case(2), case(5, Sex="M")]
    agency.deliver(BAD, export(rows))
    records = night(agency)
    assert quarantined(agency, records[BAD]) == {
        31: {"case.key_repeat"},
        6: {"case.key_conflict"},
        32: {"case.key_conflict"},
    }
    assert records[BAD].rows_quarantined == 4  # and the means of control of the doubtful case
    others_are_loaded(agency, records)


def test_an_empty_row_of_an_unknown_case_is_quarantined(agency: Agency) -> None:
    """It makes no row of any table, so that no rule sees it; dbt counts it all the same."""
    one_column_an_item = "    answers: yes_no\n    each: {debt_bondage: Means}\n"
    text = (agency.settings.missions / f"{BAD}.yml").read_text("utf-8")
    columns = text[text.index("    columns:\n      means_of_control:") : text.index("consent:")]
    agency.contract(BAD, columns, one_column_an_item)
    means = [{"No.": f"A-{n}", "Means": "yes"} for n in range(30)]
    agency.deliver(BAD, export(cases(), [*means, {"No.": "X-99", "Means": "not said"}]))
    records = night(agency)
    assert (records[BAD].rows_accepted, records[BAD].rows_quarantined) == (60, 1)
    others_are_loaded(agency, records)


def test_na_is_namibia(agency: Agency) -> None:
    """A code `NA` is a code, not a missing value."""
    agency.deliver(BAD, with_cell("Country", "NA"))
    record = night(agency)[BAD]
    assert quarantined(agency, record) == {}
    landed = Seal.of(agency.settings).read(
        Landing(agency.settings.landing, BAD).path(record.export or "") / "case.parquet"
    )
    assert landed.column("country_of_exploitation").to_pylist()[3] == "na"  # folded


def test_blank_rows_are_counted_and_nothing_else(agency: Agency) -> None:
    """1,000 rows without a cell are blank, not cases."""
    rows = [*cases(), *({} for _ in range(1000))]
    agency.deliver(BAD, export(rows))
    records = night(agency)
    assert (records[BAD].rows_blank, records[BAD].rows_accepted) == (1000, 60)
    others_are_loaded(agency, records)


def test_an_added_column_is_dropped_and_signalled(agency: Agency) -> None:
    """Default deny: neither its cells nor its name get anywhere; a signal says where it stood."""
    rows = [row | {SECRET: SECRET} for row in cases()]
    agency.deliver(BAD, export(rows, columns=(*COLUMNS, SECRET)))
    records = night(agency)
    assert records[BAD].status == "loaded"
    path = Landing(agency.settings.landing, BAD).path(records[BAD].export or "")
    signals = Seal.of(agency.settings).read(path / "signals.parquet").to_pylist()
    assert [(s["kind"], s["rows"]) for s in signals] == [("unknown_column", 30)]
    assert "column 13 of 13" in signals[0]["detail"]
    others_are_loaded(agency, records)


def test_the_same_file_twice(agency: Agency) -> None:
    """The same bytes on the next night: unchanged, fresh, no work, the same counts."""
    first = night(agency)
    on = NIGHT + timedelta(days=1)
    for mission in agency.missions:
        agency.deliver(mission, export(), on)
    assert nightly.plan(agency.settings, on).changed == []
    for mission, record in night(agency, on).items():
        assert (record.status, record.is_stale) == ("unchanged", False)
        assert record.export == first[mission].export
        assert record.rows_accepted == 60
        assert record.loaded_night == NIGHT


def test_an_older_file_after_a_newer_one(agency: Agency) -> None:
    """Bytes that a newer export has replaced are refused; the newer one stays."""
    night(agency)
    second, third = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
    for mission in agency.missions:
        agency.deliver(mission, export([case(n, Sex="M") for n in range(30)]), second)
    newer = night(agency, second)[BAD].export
    for mission in agency.missions:
        agency.deliver(
            mission,
            export() if mission == BAD else export([case(n, Labour="no") for n in range(30)]),
            third,
        )
    records = night(agency, third)
    assert (records[BAD].status, records[BAD].export) == ("refused", newer)
    assert "older_export" in records[BAD].message
    others_are_loaded(agency, records)


def test_half_the_usual_rows(agency: Agency) -> None:
    """A fall in volume beyond the contract's share refuses the export."""
    agency.deliver(BAD, export([case(n) for n in range(40)]))
    night(agency)
    on = NIGHT + timedelta(days=1)
    for mission in agency.missions:
        half = export(cases()[:20], [{"No.": f"A-{n}", "Means": "debt"} for n in range(20)])
        agency.deliver(mission, half if mission == BAD else changed(), on)
    records = night(agency, on)
    assert records[BAD].status == "refused"
    assert "rows_fall" in records[BAD].message
    others_are_loaded(agency, records)


def test_a_technical_name_that_disagrees_with_its_label(agency: Agency) -> None:
    """Mapping by either name alone would put a street into a city: the file is refused."""
    agency.contract(BAD, 'delimiter: ";"', 'delimiter: ";"\n  header: {technical: 1, label: 2}')
    agency.contract(
        BAD,
        "personal: [Name, Phone]",
        "personal: [{label: Name, technical: nm}, Phone]",
    )
    technical = ";".join(
        "ph" if c == "Name" else "nm" if c == "Phone" else f"t{i}" for i, c in enumerate(COLUMNS)
    )
    text = f"{technical}\n{table(cases(), COLUMNS)}"
    agency.deliver(
        BAD,
        archive({"cases.csv": text.encode(), "means.csv": b"no;me\nNo.;Means\nA-1;debt\n"}),
    )
    records = night(agency)
    assert records[BAD].status == "refused"
    assert "header_conflict" in records[BAD].message
    others_are_loaded(agency, records)


def test_a_fault_of_the_program_is_one_missions_fault(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception whose text holds a person's value fails the mission, and its text goes nowhere."""
    import counterflow.ingest as module

    real = module.read_tables

    def faulty(content, contract):
        if contract.mission == BAD:
            raise RuntimeError(f"cannot parse {SECRET}")
        return real(content, contract)

    monkeypatch.setattr(module, "read_tables", faulty)
    records = night(agency)
    assert records[BAD].status == "failed"
    assert "RuntimeError at" in records[BAD].message
    others_are_loaded(agency, records)


def test_a_quotation_mark_that_is_never_closed(agency: Agency) -> None:
    """It would swallow every row below it into one cell."""
    text = table(cases(), COLUMNS)
    lines = text.splitlines()
    lines[11] += '"said'
    for broken in ("\n".join(lines), "\n".join([*lines[:20], lines[20] + '"', *lines[21:]])):
        agency.deliver(BAD, files(cases=f"{broken}\n".encode(), means=MEANS))
        records = night(agency)
        assert records[BAD].status == "refused"
        assert "quotation mark" in records[BAD].message
        others_are_loaded(agency, records)


def test_one_changed_code_list_refuses_the_export(agency: Agency) -> None:
    """Every case would be quarantined: the export is refused and the last good data stays."""
    good = night(agency)[BAD].export
    on = NIGHT + timedelta(days=1)
    for mission in agency.missions:
        other = export([case(n, Sex="woman") for n in range(30)])
        agency.deliver(mission, other if mission == BAD else changed(), on)
    records = night(agency, on)
    assert (records[BAD].status, records[BAD].export) == ("refused", good)
    assert "unmapped_share" in records[BAD].message
    others_are_loaded(agency, records)


def test_withdrawn_consents_are_no_fall_in_volume(agency: Agency) -> None:
    """On the next night they are withheld, however many they are."""
    night(agency)
    on = NIGHT + timedelta(days=1)
    for mission in agency.missions:
        gone = export([case(n, Withdrawn="01.11.2010" if n < 20 else "") for n in range(30)])
        agency.deliver(mission, gone if mission == BAD else changed(), on)
    records = night(agency, on)
    assert (records[BAD].status, records[BAD].withheld) == ("loaded", {"consent_withdrawn": 40})
    assert records[BAD].rows_accepted == 20
    others_are_loaded(agency, records)


def test_a_bad_redelivery_on_the_same_night_keeps_what_that_night_loaded(agency: Agency) -> None:
    first = night(agency)[BAD]
    agency.deliver(BAD, b"rubbish")
    again = night(agency)[BAD]
    assert (again.status, again.is_stale) == ("refused", True)
    assert (again.export, again.verdict, again.rows_accepted) == (first.export, first.verdict, 60)


def test_a_mission_that_insists_on_an_older_file_is_believed_the_second_time(
    agency: Agency,
) -> None:
    """A case that was added by mistake and removed gives the old bytes again."""
    nights = [NIGHT + timedelta(days=n) for n in range(4)]
    for on, data in zip(nights, (export(), changed(), export(), export()), strict=True):
        for mission in agency.missions:
            agency.deliver(mission, data, on)
    assert [night(agency, on)[BAD].status for on in nights] == [
        "loaded",
        "loaded",
        "refused",
        "loaded",
    ]
