"""Where a sample's tables and names are: archives, delimiters, header rows, names that are data."""

from __future__ import annotations

import json

import pytest

from counterflow.onboarding.lexicon import Lexicon
from counterflow.onboarding.sample import find_header, read_sample
from counterflow.sources.errors import Refused
from tests.support import archive

CSV = "Case ID;Gender;Registration date\nA-1;F;2009-01-05\nA-2;M;2009-02-05\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_parts_every_line_alike(lexicon: Lexicon, delimiter: str) -> None:
    sample = read_sample(CSV.replace(";", delimiter).encode(), lexicon)
    assert (sample.format, sample.archive, sample.delimiter) == ("csv", None, delimiter)
    assert sample.tables[0].labels == ["Case ID", "Gender", "Registration date"]


def test_lines_of_fixed_width_are_cut_where_their_names_begin(lexicon: Lexicon) -> None:
    lines = [f"{'Case ID':<10}{'Gender':<9}{'Name, all of it':<22}"]
    lines += [f"{f'A-{n}':<10}{'F':<9}{'Zxqvella, M.':<22}" for n in range(9)]
    sample = read_sample("\r\n".join(lines).encode(), lexicon)
    [table] = sample.tables
    assert (sample.format, sample.delimiter) == ("fixed", None)
    assert table.labels == ["Case ID", "Gender", "Name, all of it"]
    assert table.layout == [(1, 10), (11, 19), (20, 41)]


def test_commas_inside_cells_are_no_delimiter(lexicon: Lexicon) -> None:
    text = (
        "Case ID;Citizenship\n" + 'A-1;"Moldova, Republic of"\nA-2;Iran, Islamic Republic of\n' * 20
    )
    assert read_sample(text.encode(), lexicon).delimiter == ";"


def test_a_zip_has_a_table_a_file(lexicon: Lexicon) -> None:
    sample = read_sample(archive({"a.csv": CSV.encode(), "b.csv": CSV.encode()}), lexicon)
    assert (sample.format, sample.archive) == ("csv", "zip")
    assert [t.place for t in sample.tables] == ["a.csv", "b.csv"]


def test_lists_of_records_are_tables(lexicon: Lexicon) -> None:
    cases = [{"id": f"A{n}", "person": {"gender": "F"}, "route": [{"leg": 1}]} for n in range(9)]
    sample = read_sample(json.dumps({"cases": cases}).encode(), lexicon)
    assert sample.format == "json"
    assert {t.place: t.labels for t in sample.tables} == {
        "cases": ["id", "person.gender"],
        "cases.route": ["leg"],
    }


def test_a_sentence_above_the_header_is_no_header(lexicon: Lexicon) -> None:
    rows = [
        ["This file is confidential and may not be handed on to anybody whatsoever.", "", ""],
        ["Case ID", "Gender", "Registration date"],
        ["A-1", "F", "2009-01-05"],
    ]
    assert find_header(rows, lexicon) == (1, None)


def test_technical_names_above_labels_are_told_apart(lexicon: Lexicon) -> None:
    rows = [
        ["cas_CaseNumber", "prs_Gender", "cas_RegistrationDate"],
        ["Case ID", "Gender", "Registration date"],
        ["A-1", "F", "2009-01-05"],
    ]
    assert find_header(rows, lexicon) == (1, 0)
    assert find_header(rows[1:], lexicon) == (0, None)


def test_a_file_without_a_header_shows_no_names(lexicon: Lexicon) -> None:
    text = "A-1;Zxqvella;1985-02-01\n" + "A-2;Maria;1986-02-01\nA-3;Zxqvella;1987-02-01\n"
    table = read_sample(text.encode(), lexicon).tables[0]
    assert [table.name(i) for i in range(3)] == ["column 1", "column 2", "column 3"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 broken"])
def test_what_cannot_be_read_is_refused(lexicon: Lexicon, data: bytes) -> None:
    with pytest.raises(Refused):
        read_sample(data, lexicon)
