"""Merged records through a night: every row has one fate, and it is that of the case it is of."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.landing import Landing
from counterflow.sealing import Seal
from counterflow.validation.quarantine import quarantined_rows
from tests.acceptance.test_bad_input import BAD, night, others_are_loaded, quarantined
from tests.support import COLUMNS, Agency, case, export

MERGED = (*COLUMNS, "Into")


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    for mission in made.missions:
        made.deliver(mission, export())
    made.contract(
        BAD,
        "    key: No.\n    columns:\n      reg",
        "    key: No.\n    merged: {from: Into}\n    columns:\n      reg",
    )
    return made


def cases(**into: int | str) -> list[dict[str, str]]:
    """Cases 0 to 29; `A4=2` was merged into number 2."""
    rows = [case(n) for n in range(30)]
    for name, number in into.items():
        rows[int(name[1:])]["Into"] = f"A-{number}" if isinstance(number, int) else number
    return rows


def rejected(agency: Agency, record) -> set[tuple[str, int]]:
    export_ = Landing(agency.settings.landing, BAD).path(record.export)
    rows = quarantined_rows(Seal.of(agency.settings), export_, export_ / record.verdict).to_pylist()
    return {(row["source"], row["source_row"]) for row in rows}


def test_a_merged_record_is_accepted_with_its_rows(agency: Agency) -> None:
    agency.deliver(BAD, export(cases(A4=2, A5=4), columns=MERGED))
    records = night(agency)
    assert (records[BAD].rows_accepted, records[BAD].rows_quarantined) == (60, 0)
    others_are_loaded(agency, records)


def test_a_survivor_in_quarantine_takes_its_records_along(agency: Agency) -> None:
    """And the rows of all of them: what is merged may not stand where its case does not."""
    rows = cases(A4=2, A5=4)
    rows[2] |= {"Sex": "X"}
    agency.deliver(BAD, export(rows, columns=MERGED))
    records = night(agency)
    assert rejected(agency, records[BAD]) == {
        (source, row + 1) for source in ("case", "control") for row in (2, 4, 5)
    }
    assert records[BAD].rows_quarantined == 6
    others_are_loaded(agency, records)


def test_a_fault_of_a_merged_record_does_not_touch_the_survivor(agency: Agency) -> None:
    """Its own row is in quarantine; what other files say of it is of the surviving case."""
    rows = cases(A4=2)
    rows[4] |= {"Sex": "X"}
    agency.deliver(BAD, export(rows, columns=MERGED))
    record = night(agency)[BAD]
    assert rejected(agency, record) == {("case", 5)}


def test_survivors_that_are_not_there_and_circles_are_quarantined(agency: Agency) -> None:
    agency.deliver(BAD, export(cases(A4="B-9", A5=6, A6=5), columns=MERGED))
    records = night(agency)
    rule = {"case.merged_known"}
    assert quarantined(agency, records[BAD]) == {5: rule, 6: rule, 7: rule}
    assert records[BAD].rows_quarantined == 6  # and their means of control
    others_are_loaded(agency, records)


def test_a_withheld_survivor_withholds_all_that_is_its(agency: Agency) -> None:
    rows = cases(A4=2)
    rows[2] |= {"Withdrawn": "01.11.2010"}
    agency.deliver(BAD, export(rows, columns=MERGED))
    records = night(agency)
    assert records[BAD].withheld == {"consent_withdrawn": 4}
    assert records[BAD].rows_accepted == 56
    others_are_loaded(agency, records)
