"""The register of sensitivity: nothing is without an entry, and no direct identifier can be landed."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow import canonical, sensitivity, standard
from counterflow.sensitivity import RegisterError, Sensitivity
from counterflow.warehouse.published import published

PUBLISHED = published()


def test_every_field_of_the_standard_has_an_entry_and_no_other() -> None:
    fields = [row.field for row in standard.rows() if row.field]
    assert len(fields) == 93
    assert sensitivity.agree("standard", fields) == []


@pytest.mark.parametrize("table", canonical.TABLES)
def test_every_landed_column_has_an_entry_and_no_other(table: str) -> None:
    assert sensitivity.agree(f"landing.{table}", canonical.landing_columns(table)) == []


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_published_column_has_an_entry_and_no_other(table: str) -> None:
    assert sensitivity.agree(table, PUBLISHED[table].columns) == []
    assert all(sensitivity.entry(table, c).holds for c in PUBLISHED[table].columns)


def test_no_entry_is_of_a_table_that_is_not_there() -> None:
    landed = {f"landing.{table}" for table in canonical.TABLES}
    assert set(sensitivity.register()) - landed - set(PUBLISHED) == {"standard"}


def test_a_field_without_an_entry_cannot_exist() -> None:
    shoe = canonical.Field("shoe_size", canonical.Kind.NUMBER)
    with pytest.raises(RegisterError, match=r"landing\.case\.shoe_size has no entry"):
        canonical.Table("case", "One row per case.", (shoe,))
    with pytest.raises(RegisterError, match=r"landing\.wardrobe has no entry"):
        canonical.Table("wardrobe", "One row per shoe.", (shoe,))
    assert sensitivity.agree(
        "core.fct_case", [*PUBLISHED["core.fct_case"].columns, "shoe_size"]
    ) == ["core.fct_case.shoe_size has no entry in sensitivity.csv"]


def test_a_table_that_would_land_a_direct_identifier_cannot_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sensitivity.SOURCE.read_text("utf-8")
    row = "landing.case,gender,quasi_identifier"
    assert row in text
    other = tmp_path / "sensitivity.csv"
    other.write_text(text.replace(row, "landing.case,gender,direct_identifier"), "utf-8")
    monkeypatch.setattr(sensitivity, "SOURCE", other)
    sensitivity.register.cache_clear()
    try:
        with pytest.raises(RegisterError, match=r"landing\.case\.gender is a direct identifier"):
            canonical.Table("case", "As it is.", canonical.TABLES["case"].fields)
    finally:
        sensitivity.register.cache_clear()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("core.fct_case,shoe,quasi,yes,count,kept,kept", "`quasi` is no class"),
        ("core.fct_case,shoe,harmless,maybe,count,kept,kept", "`outsider` is yes or no"),
        ("core.fct_case,shoe,harmless,no,count,,kept", "neither is blank"),
        ("core.fct_case,gender,harmless,no,count,kept,kept", "has an entry already"),
        ("core.fct_case,shoe,harmless,no,count,kept,kept,or,not", "quote what holds a comma"),
    ],
)
def test_a_row_that_says_nothing_is_refused(
    row: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "sensitivity.csv"
    other.write_text(sensitivity.SOURCE.read_text("utf-8") + row + "\n", "utf-8")
    monkeypatch.setattr(sensitivity, "SOURCE", other)
    sensitivity.register.cache_clear()
    try:
        with pytest.raises(RegisterError, match=problem):
            sensitivity.register()
    finally:
        sensitivity.register.cache_clear()


def test_what_is_dropped_is_a_direct_identifier_or_worse_and_the_reverse() -> None:
    """The decisions of the standard's page and the register say the same."""
    for row in standard.rows():
        if not row.field:
            continue
        one = sensitivity.entry("standard", row.field)
        assert (one.way == "dropped") == (row.fate == "dropped"), row.field
        if row.type == "Long Text":
            assert one.sensitivity is Sensitivity.DIRECT_IDENTIFIER, row.field
        if one.sensitivity is Sensitivity.DIRECT_IDENTIFIER:  # lands only as something coarser
            assert one.way in ("dropped", "left out") or " to " in one.way, row.field


def test_a_published_column_is_as_sensitive_as_what_it_is_made_of() -> None:
    order = [Sensitivity.HARMLESS, Sensitivity.QUASI_IDENTIFIER, Sensitivity.SENSITIVE]
    for row in standard.rows():
        made = [sensitivity.entry("core." + t, c) for t, c in (n.split(".") for n in row.core)]
        for table, field in (name.split(".") for name in row.canonical):
            landed = canonical.landed_name(canonical.TABLES[table].field(field))
            one = sensitivity.entry(f"landing.{table}", landed)
            same = [m for m in made if m.column == landed and m.table.endswith(f"_{table}")]
            for core in same:
                assert (core.sensitivity, core.outsider) == (one.sensitivity, one.outsider), core
                assert core.sensitivity in (*order, Sensitivity.TECHNICAL)


def test_quasi_identifiers_are_all_that_an_outsider_could_know() -> None:
    known = sensitivity.quasi_identifiers("core.fct_case")
    assert {"mission_code", "registered_month", "age_band", "gender", "citizenship"} < set(known)
    assert "is_sexual_exploitation" in known  # the trafficker knows it
    assert not {"case_key", "form_version", "loaded_night", "trafficking_status"} & set(known)
    assert "is_sexual_exploitation" in sensitivity.sensitive("core.fct_case")
    assert set(sensitivity.quasi_identifiers("history.fct_case")) == set(known)


def test_no_pseudonym_and_no_direct_identifier_is_in_a_release() -> None:
    for table in sensitivity.register():
        for one in sensitivity.columns(table).values():
            if one.sensitivity is Sensitivity.PSEUDONYM:
                assert one.release == ("dropped",), one
    for table in PUBLISHED:
        for one in sensitivity.columns(table).values():
            assert one.sensitivity is not Sensitivity.DIRECT_IDENTIFIER, one


def test_the_page_is_current() -> None:
    assert sensitivity.PAGE.read_text("utf-8") == sensitivity.page(), (
        "docs/sensitivity.md is not what sensitivity.csv says: run `python -m counterflow.sensitivity`"
    )
