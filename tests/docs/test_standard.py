"""docs/standard.md: every field of HTCDS 2.0 has its row, and what a row names exists."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml

from counterflow import canonical, standard
from counterflow.settings import PROJECT

ROWS = standard.rows()
FIELDS = [row for row in ROWS if row.field]


def core_columns() -> dict[str, set[str]]:
    """Table of core to its columns, as their YAML says."""
    found = {}
    for path in (PROJECT / "dbt_project" / "models" / "core").glob("*.yml"):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", []):
            found[model["name"]] = {column["name"] for column in model["columns"]}
    return found


def test_the_page_is_current() -> None:
    assert standard.PAGE.read_text("utf-8") == standard.page(), (
        "docs/standard.md is not what plugins/counterflow/standard.csv says: run `python -m counterflow.standard`"
    )


def test_84_fields_and_9_questions_each_once() -> None:
    questions = [row for row in FIELDS if row.status == "example"]
    assert len(FIELDS) - len(questions) == 84
    assert len(questions) == 9
    assert [name for name, n in Counter(row.field for row in FIELDS).items() if n > 1] == []
    assert Counter(row.field.split("_")[0] for row in FIELDS) == {
        "org": 10,
        "prs": 25,
        "vic": 16,
        "per": 3,
        "cas": 13,
        "cco": 1,
        "hte": 10,
        "spl": 5,
        "con": 1,
        "example": 9,
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.field or row.canonical[0])
def test_no_row_is_empty(row: standard.Row) -> None:
    assert row.how.endswith(".")
    assert row.fate in standard.FATES
    if row.field:
        assert row.label
        assert row.type
        assert row.status in ("draft", "deprecated", "example")
    if row.fate in ("lands", "adds"):
        assert row.canonical
        assert row.core
    else:
        assert row.canonical == row.core == ()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.field or row.canonical[0])
def test_what_a_row_names_exists(row: standard.Row) -> None:
    columns = core_columns()
    for name in row.canonical:
        table, field = name.split(".")
        canonical.TABLES[table].field(field)
    for name in row.core:
        table, column = name.split(".")
        assert column in columns[table], name


def test_every_canonical_field_is_said_to_come_from_somewhere() -> None:
    named = {name for row in ROWS for name in row.canonical}
    every = {f"{t.name}.{f.name}" for t in canonical.TABLES.values() for f in t.fields}
    assert every - named == set()


def test_what_identifies_a_person_never_lands() -> None:
    """Names, contacts, places, numbers of persons and free text, by their names in the standard."""
    words = (
        "Name", "Salutation", "Email", "Phone", "Street", "City", "Postal", "State", "Longitude", "Latitude", "IdentityNumber",
        "Details", "Description", "Comment", "Worker", "Owner", "Objectives", "ActionPlan", "ReasonForCaseClosure",
    )  # fmt: skip
    kept = ("cas_Status", "prs_MaritalStatus", "vic_TraffickingStatus", "TraffickingStatusDecision")
    for row in FIELDS:
        if any(word in row.field for word in words) and not row.field.startswith(kept):
            assert row.fate == "dropped" or row.field.endswith("DecisionMakingOrg"), row.field
        if row.type == "Long Text":
            assert row.fate == "dropped", row.field


def test_the_page_names_the_units_and_its_source() -> None:
    text = standard.page()
    for unit in ("event", "victim", "perpetrator", "reporting entity"):
        assert f"| {unit} |" in text
    assert "CC BY 4.0" in text
    assert "UNMigration/HTCDS" in text
    assert text.count("\n| `") >= 93
