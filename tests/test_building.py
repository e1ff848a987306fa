"""Canonical tables from source rows: groups of columns, lists, constants, and who is counted as what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterflow.depersonalise import case_key
from counterflow.ingest import Landed
from tests.support import KEYS, landed


def fields(found: Landed, name: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = found.tables[name].to_pylist()
    return [tuple(row[column] for column in columns) for row in rows]


SERVICES = """\
  assistance:
    groups:
      needed: {service_type: {from: Needs, many: ", ", codes: {med: health, law: legal}}}
      provided: {service_type: {from: Given, many: ", ", codes: {med: health, law: legal}}}
"""


def test_each_group_makes_a_row_an_item_in_the_order_of_rows_groups_and_items(
    tmp_path: Path,
) -> None:
    found = landed(
        tmp_path,
        SERVICES,
        [
            {"No.": "1", "Needs": "law, med", "Given": "med"},
            {"No.": "2", "Needs": "", "Given": ""},
            {"No.": "3", "Needs": "-99", "Given": "law"},
        ],
    )
    assert fields(found, "assistance", "source_row", "status", "service_type") == [
        (1, "needed", "law"),
        (1, "needed", "med"),
        (1, "provided", "med"),
        (3, "provided", "law"),
    ]
    assert set(fields(found, "assistance", "source", "case_reading")) == {("case", "ok")}


REFERRALS = """\
  referral:
    columns:
      organisation_country: {from: Partner, codes: countries}
    groups:
      incoming: {reason: {from: Why in, codes: {moved: migration_or_change_of_location}},
                 referred_on: {from: Sent in, date: "%d.%m.%Y"}}
      outgoing: {reason: {from: Why out, codes: {moved: migration_or_change_of_location}}}
"""


def test_a_group_without_a_list_makes_one_row_if_one_of_its_own_cells_is_filled(
    tmp_path: Path,
) -> None:
    rows = [
        {"No.": "1", "Partner": "Romania", "Why in": "moved", "Sent in": "", "Why out": ""},
        {"No.": "2", "Partner": "Romania", "Why in": "", "Sent in": "", "Why out": ""},
        {"No.": "3", "Partner": "", "Why in": "", "Sent in": "in May", "Why out": "moved"},
    ]
    found = landed(tmp_path, REFERRALS, rows)
    columns = ("source_row", "direction", "reason", "referred_on_reading", "organisation_country")
    assert fields(found, "referral", *columns) == [
        (1, "incoming", "moved", "blank", "romania"),
        (3, "incoming", None, "not_a_date", None),
        (3, "outgoing", "moved", None, None),
    ]


def test_groups_of_a_file_of_its_own(tmp_path: Path) -> None:
    """A row of the file is read as a case's row is; what no group fills makes no row."""
    tables = REFERRALS.replace("  referral:\n", "  referral:\n    file: sent.csv\n    key: Case\n")
    sent = [
        {"Case": "1", "Partner": "", "Why in": "moved", "Sent in": "01.03.2009", "Why out": ""},
        {"Case": "9", "Partner": "", "Why in": "", "Sent in": "", "Why out": "moved"},
        {"Case": "1", "Partner": "Romania", "Why in": "", "Sent in": "", "Why out": ""},
    ]
    found = landed(tmp_path, tables, [{"No.": "1"}], sent=sent)
    assert fields(found, "referral", "source", "source_row", "direction", "case_reading") == [
        ("referral", 1, "incoming", "ok"),
        ("referral", 2, "outgoing", "orphan"),
    ]
    assert found.rows.num_rows == 4  # a source row is one, whatever it makes


ROLES = """\
  perpetrator:
    groups:
      1: {role: {from: Roles 1, many: ", ", codes: {r: smuggler, t: transporter}},
          gender: {from: Sex 1, codes: {F: feminine, M: masculine}}}
      2: {role: {from: Roles 2, many: ", ", codes: {r: smuggler, t: transporter}}}
"""


def test_a_group_numbers_the_perpetrator_and_the_cell_numbers_the_roles(tmp_path: Path) -> None:
    rows = [
        {"No.": "1", "Roles 1": "t, r", "Sex 1": "F", "Roles 2": "r"},
        {"No.": "2", "Roles 1": "", "Sex 1": "M", "Roles 2": ""},
        {"No.": "3", "Roles 1": "", "Sex 1": "", "Roles 2": "t"},
    ]
    found = landed(tmp_path, ROLES, rows)
    columns = ("source_row", "perpetrator_number", "role_number", "role", "gender")
    assert fields(found, "perpetrator", *columns) == [
        (1, 1, 1, "t", "f"),
        (1, 1, 2, "r", "f"),
        (1, 2, 1, "r", None),
        (2, 1, 1, None, "m"),
        (3, 2, 1, "t", None),
    ]


def test_in_a_file_of_its_own_a_perpetrator_is_a_row_whatever_its_roles(tmp_path: Path) -> None:
    tables = (
        "  perpetrator:\n    file: people.csv\n    key: Case\n    columns:\n"
        "      role: {from: Roles, many: ', ', codes: {r: smuggler, t: transporter}}\n"
    )
    people = [
        {"Case": "1", "Roles": "t, r"},
        {"Case": "2", "Roles": "r"},
        {"Case": "1", "Roles": "r"},
    ]
    found = landed(tmp_path, tables, [{"No.": "1"}, {"No.": "2"}], people=people)
    assert fields(found, "perpetrator", "source_row", "perpetrator_number", "role_number") == [
        (1, 1, 1),
        (1, 1, 2),
        (2, 1, 1),
        (3, 2, 1),
    ]


def test_a_number_too_large_for_a_place_in_a_list_is_not_landed(tmp_path: Path) -> None:
    """Somebody typed a telephone, or a birth date, into the column of the leg's number."""
    tables = (
        "  route_leg:\n    file: legs.csv\n    key: Case\n    columns:\n      leg_number: {from: Leg}\n"
        "      from_country: {from: From, codes: countries}\n"
    )
    legs = [
        {"Case": "1", "Leg": number, "From": "Romania"}
        for number in ("2", "600123", "120385", "999", "1000")
    ]
    found = landed(tmp_path, tables, [{"No.": "1"}], legs=legs)
    numbers = [number for (number,) in fields(found, "route_leg", "leg_number")]
    assert numbers[0] == 2
    assert numbers[3] == 999
    assert not {600123, 120385} & set(numbers)
    signals = found.signals.to_pylist()
    assert [s["rows"] for s in signals if s["kind"] == "unreadable_value"] == [3]


def test_a_constant_fills_nothing_by_itself(tmp_path: Path) -> None:
    tables = (
        "  assistance:\n    columns:\n"
        "      service_type: {from: Given, many: ', ', codes: {med: health}}\n"
        "      status: {value: provided}\n"
    )
    found = landed(tmp_path, tables, [{"No.": "1", "Given": ""}, {"No.": "2", "Given": "med"}])
    assert fields(found, "assistance", "source_row", "service_type", "status") == [
        (2, "med", "provided")
    ]


@pytest.mark.parametrize(
    ("cell", "band", "reading"),
    [
        ("0", "0", "ok"),
        ("2", "1-2", "ok"),
        ("7", "3+", "ok"),
        ("", None, "blank"),
        ("some", None, "not_a_number"),
    ],
)
def test_children_become_a_band(tmp_path: Path, cell: str, band: str | None, reading: str) -> None:
    tables = "    becomes: {children_band: {from: Children, unit: number}}\n"
    found = landed(tmp_path, tables, [{"No.": "1", "Children": cell}])
    assert fields(found, "case", "children_band", "children_band_reading") == [(band, reading)]


def test_a_local_field_of_a_child_row_has_the_reading_of_its_row(tmp_path: Path) -> None:
    tables = (
        "  control:\n    file: means.csv\n    key: Case\n    columns:\n"
        "      means_of_control: {from: Means, codes: {debt: debt_bondage}}\n    local:\n"
        "      seen_by: {from: Seen by, label: Who saw it, codes: {s: staff}}\n"
    )
    means = [
        {"Case": "1", "Means": "debt", "Seen by": "s"},
        {"Case": "9", "Means": "debt", "Seen by": "s"},
    ]
    found = landed(tmp_path, tables, [{"No.": "1"}], means=means)
    known = case_key(KEYS, "1")
    assert fields(found, "local_attribute", "source_row", "case_reading") == [
        (1, "ok"),
        (2, "orphan"),
    ]
    assert found.tables["local_attribute"].column("case_key").to_pylist()[0] == known
