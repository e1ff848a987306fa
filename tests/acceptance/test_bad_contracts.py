"""Contracts that are wrong, through plan, ingest, validation and dbt's sources: each fault is a signal with
its count in `quality.issue`, the fate of the rows is as stated, and the other missions go on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.contracts import contract_files
from counterflow.landing import Landing
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.warehouse.sources import write_sources
from tests.acceptance.test_bad_input import BAD, cases, night, others_are_loaded
from tests.support import NIGHT, SECRET, Agency, case, everything, export

NEXT = NIGHT + timedelta(days=1)
COUNTRIES = "countries: {"


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    for mission in made.missions:
        made.deliver(mission, export())
    return made


def signals(agency: Agency, on=NIGHT, mission: str = BAD) -> dict[tuple[str, str, str], int]:
    """Rows of each signal of the night, by kind, table and field, as dbt reads them."""
    codes = [path.stem for path in contract_files(agency.settings.missions)]
    keys = {code: mission_keys(agency.settings, code) for code in codes}
    write_sources(agency.settings, on, keys)
    source = agency.settings.build / "sources" / "signal" / "signal.parquet"
    rows = Seal.of(agency.settings).read(source).to_pylist()
    assert SECRET not in str(rows)
    return {
        (row["kind"], row["table_name"], row["field"]): row["rows"]
        for row in rows
        if (row["mission_code"], row["night"]) == (mission, on)
    }


def detail(agency: Agency, kind: str) -> list[str]:
    source = agency.settings.build / "sources" / "signal" / "signal.parquet"
    rows = Seal.of(agency.settings).read(source).to_pylist()
    return [r["detail"] for r in rows if r["kind"] == kind and r["mission_code"] == BAD]


def test_a_code_mapped_twice_refuses_the_contract_alone(agency: Agency) -> None:
    """Which of two meanings a cell has cannot be told: nothing is read, the last good data stays."""
    good = night(agency)[BAD]
    agency.contract(
        BAD, "F: feminine, M: masculine", "F: feminine, M: masculine, f: non_conforming"
    )
    for mission in agency.missions:
        agency.deliver(mission, export([case(n, Sex="M") for n in range(30)]), NEXT)
    records = night(agency, NEXT)
    bad = records[BAD]
    assert (bad.status, bad.is_stale, bad.export) == ("failed", True, good.export)
    assert f"{BAD}.yml:" in bad.message
    assert "`f` is the same code as `F`, which means `feminine`" in bad.message
    assert signals(agency, NEXT) == {("code_mapped_twice", "case", "gender"): 1}
    assert "code_mapped_twice" not in {kind for kind, *_ in signals(agency, NEXT, "ALB")}
    others_are_loaded(agency, records)


def test_two_columns_of_one_field_share_one_list(agency: Agency) -> None:
    """Also two lists that are merged for one column: the later one may not mean otherwise."""
    agency.contract(
        BAD, "citizenship: {from: Citizenship, many: \", \", codes: countries}",
        'citizenship: {from: Citizenship, many: ", ", codes: [countries, {romania: MDA, niger: NGA}]}',
    )  # fmt: skip
    records = night(agency)
    assert records[BAD].status == "failed"
    assert signals(agency) == {("code_mapped_twice", "citizenship", "citizenship"): 2}
    others_are_loaded(agency, records)


def test_a_mapping_that_is_never_used_is_told_with_its_count(agency: Agency) -> None:
    """It changes nothing: a typing error in a code would otherwise never be seen."""
    agency.contract(BAD, "F: feminine", "F: feminine, Fem: feminine, X: non_conforming")
    rows = cases()
    rows[3] |= {"Sex": "M", "Registered": "31.02.2009"}  # the only one that is `M` is quarantined
    agency.deliver(BAD, export(rows))
    records = night(agency)
    assert records[BAD].status == "loaded"
    found = signals(agency)
    assert found["mapping_never_used", "case", "gender"] == 3
    [said] = [d for d in detail(agency, "mapping_never_used") if "Fem" in d]
    assert said == "of 4 codes no accepted row holds `Fem`, `X`, `M`"
    assert ("mapping_never_used", "case", "is_forced_labour") in found  # nobody said no
    others_are_loaded(agency, records)


def test_a_mapping_is_used_if_a_mission_of_the_dialect_uses_it(agency: Agency) -> None:
    """And a code that was landed as a token before it was mapped is used by that token."""
    dialects = agency.settings.missions / "dialects"
    dialects.mkdir()
    (dialects / "shared.yml").write_text("codes: {sex: {F: feminine, M: masculine, W: feminine}}\n")
    for mission in agency.missions:
        agency.contract(mission, "{F: feminine, M: masculine}", "sex")
        agency.contract(mission, "name: Testland", "extends: shared\nname: Testland")
    agency.deliver("ALB", export([case(n, Sex="M" if n else "V") for n in range(30)]))
    night(agency)
    assert signals(agency)["mapping_never_used", "case", "gender"] == 1  # `W`: M is used in Albania
    text = (dialects / "shared.yml").read_text().replace("W: fem", "V: fem")
    (dialects / "shared.yml").write_text(text)
    night(agency)
    assert ("mapping_never_used", "case", "gender") not in signals(agency)


def test_answers_that_their_form_did_not_ask_are_counted_and_stand(agency: Agency) -> None:
    """The rows are landed as answered: an answer is worth more than what the contract believes."""
    rows = [case(n, Registered="01.03.2008" if n < 4 else "01.03.2009") for n in range(30)]
    agency.contract(
        BAD, "not_asked: [control.debt_bondage]", "not_asked: [control.debt_bondage, case.gender]"
    )
    rows[1] |= {"Sex": ""}
    rows[2] |= {"Sex": "-99"}
    rows[3] |= {"Sex": "U"}  # no answer either, by a code of its own
    agency.contract(BAD, "M: masculine}", "M: masculine, U: non_specified_unknown}")
    agency.deliver(BAD, export(rows))
    records = night(agency)
    found = {
        key: count for key, count in signals(agency).items() if key[0] == "form_versions_mixed"
    }
    assert found == {
        ("form_versions_mixed", "control", "means_of_control"): 4,
        ("form_versions_mixed", "case", "gender"): 1,
    }
    assert detail(agency, "form_versions_mixed")[0] == (
        "version `v1` did not ask `control.debt_bondage`, and it is answered"
    )
    assert records[BAD].rows_accepted == 60
    others_are_loaded(agency, records)


def test_a_whole_table_that_the_form_did_not_have(agency: Agency) -> None:
    agency.contract(BAD, "not_asked: [control.debt_bondage]", "not_asked: [control, citizenship]")
    rows = [case(n, Registered="01.03.2008" if n < 4 else "01.03.2009") for n in range(30)]
    agency.deliver(BAD, export(rows))
    night(agency)
    found = signals(agency)
    assert found["form_versions_mixed", "control", ""] == 4
    assert found["form_versions_mixed", "citizenship", ""] == 4


def test_one_form_in_one_file_is_no_mixture(agency: Agency) -> None:
    night(agency)
    assert {kind for kind, *_ in signals(agency)} == {"mapping_never_used"}


def test_only_the_case_of_a_code_changes(agency: Agency) -> None:
    """`F` becomes `f` in the contract: the same code, so nothing is read and nothing quarantined."""
    first = night(agency)[BAD]
    agency.contract(BAD, "F: feminine, M: masculine", "f: feminine, m: masculine")
    agency.contract(BAD, "Romania: ROU", "ROMANIA: ROU")
    again = night(agency)[BAD]
    assert (again.export, again.rows_quarantined) == (first.export, 0)
    assert again.status == "loaded"


def test_a_changed_dialect_is_seen_by_a_process_that_runs_on(agency: Agency) -> None:
    dialects = agency.settings.missions / "dialects"
    dialects.mkdir()
    (dialects / "sex.yml").write_text("codes: {sex: {F: feminine, M: masculine}}\n")
    agency.contract(BAD, "{F: feminine, M: masculine}", "sex")
    agency.contract(BAD, "name: Testland", "extends: sex\nname: Testland")
    agency.deliver(BAD, export([case(n, Sex="W" if n == 3 else "F") for n in range(30)]))
    assert night(agency)[BAD].rows_quarantined == 2
    (dialects / "sex.yml").write_text("codes: {sex: {F: feminine, M: masculine, W: feminine}}\n")
    assert night(agency)[BAD].rows_quarantined == 0


def test_a_token_of_a_group_is_resolved_by_a_later_mapping(agency: Agency) -> None:
    """Nothing is read again: the keyed hash of the value is that of the new mapping's key."""
    agency.contract(
        BAD, "consent:\n",
        "  assistance:\n    groups:\n"
        "      needed: {service_type: {from: Needs, many: ', ', codes: {med: health}}}\n"
        "      provided: {service_type: {from: Given, many: ', ', codes: {med: health}}}\n"
        "consent:\n",
    )  # fmt: skip
    columns = (*case(1), "Needs", "Given")
    rows = [case(n) | {"Needs": "med", "Given": "Law" if n == 3 else ""} for n in range(30)]
    agency.deliver(BAD, export(rows, columns=columns))
    first = night(agency)[BAD]
    assert first.rows_quarantined == 2
    assert (
        "law"
        not in everything(agency.settings.landing, Seal.of(agency.settings)).casefold().split()
    )
    agency.contract(
        BAD, "Given, many: ', ', codes: {med: health}",
        "Given, many: ', ', codes: {med: health, law: legal}",
    )  # fmt: skip
    nightly.validate(agency.settings, NIGHT)
    record = Landing(agency.settings.landing, BAD).record(NIGHT)
    assert record is not None
    assert record.rows_quarantined == 0


def test_tables_that_an_older_version_compiled_are_still_good(agency: Agency) -> None:
    """A contract that broke before the model was widened keeps what it compiled to then."""
    night(agency)
    signals(agency)
    file = Landing(agency.settings.landing, BAD).folder / "contract" / "asked.parquet"
    kept = Seal.of(agency.settings).read(file)
    old = kept.drop_columns(["relation", "note", "item_group"])
    Seal.of(agency.settings).write(old.append_column("basis", kept.column("relation")), file)
    agency.contract(BAD, "gender:", "gendr:")
    signals(agency)
    asked = Seal.of(agency.settings).read(
        agency.settings.build / "sources" / "asked" / "asked.parquet"
    )
    rows = [row for row in asked.to_pylist() if row["mission_code"] == BAD]
    assert len(rows) == kept.num_rows
    assert {row["relation"] for row in rows} == {None}
