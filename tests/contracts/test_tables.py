"""The compiled tables: total for what ingest lands, and one row for each thing that is said."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from counterflow.contracts import Contract, load_contract
from counterflow.contracts.tables import asked, code_map, form_versions, mission_row
from counterflow.depersonalise import MissionKeys, code_token
from counterflow.keys import Keyring
from counterflow.text import fold

KEYS = MissionKeys.of(Keyring(b"k" * 32, b"l" * 32), "MDA")
Map = dict[tuple[str, str, str], dict[str, str]]


def mapped(contract: Contract) -> Map:
    rows = code_map(contract, KEYS).to_pylist()
    found = {(r["table_name"], r["field"], r["local_code"]): r for r in rows}
    assert len(found) == len(rows), "a local code has one row"
    return found


@pytest.fixture
def contract(missions: Path) -> Contract:
    return load_contract(missions / "MDA.yml")


def test_a_local_code_and_its_token_mean_the_same(contract: Contract) -> None:
    found = mapped(contract)
    for local, code in (("amenințări", "threats_law_enforcement"), ("datorie", "debt_bondage")):
        token = code_token(KEYS, "control", "means_of_control", local)
        assert found["control", "means_of_control", local]["code"] == code
        assert found["control", "means_of_control", token]["code"] == code
    assert found["control", "means_of_control", "amenințări"]["relation"] == "broader"


def test_missing_codes_are_unknown_and_for_gender_the_standards_own_word(
    contract: Contract,
) -> None:
    found = mapped(contract)
    assert found["case", "is_forced_labour", "-99"]["code"] == "unknown"
    assert found["case", "gender", "nu se știe"]["code"] == "non_specified_unknown"
    token = code_token(KEYS, "case", "gender", "NU SE ȘTIE")
    assert found["case", "gender", token]["code"] == "non_specified_unknown"


def test_an_explicit_code_wins_over_the_same_missing_code(missions: Path, change) -> None:
    change("sex: {F: feminine,", 'sex: {"-99": non_conforming, F: feminine,', "dialects/legacy.yml")
    found = mapped(load_contract(missions / "MDA.yml"))
    assert found["case", "gender", "-99"]["code"] == "non_conforming"


def test_what_ingest_makes_itself_stands_for_itself(contract: Contract) -> None:
    found = mapped(contract)
    for field, code in (
        ("age_band", "9-17"),
        ("age_band", "unknown"),
        ("country_of_exploitation_basis", "registration"),
        ("is_forced_labour", "not_asked"),
    ):
        assert found["case", field, code]["code"] == code


def test_a_constant_and_the_item_of_a_second_list_stand_for_themselves(
    missions: Path, change
) -> None:
    change(
        "  control:\n",
        "  exploitation:\n    columns:\n"
        "      exploitation_type: {value: sexual_exploitation}\n"
        "      labour_sector: {from: Sector, many: ';', codes: {c: c_manufacturing},"
        " with: sexual_exploitation}\n  control:\n",
        "dialects/legacy.yml",
    )
    found = mapped(load_contract(missions / "MDA.yml"))
    row = found["exploitation", "exploitation_type", "sexual_exploitation"]
    assert row["code"] == "sexual_exploitation"


def test_one_column_an_item(missions: Path, change) -> None:
    change(
        "    file: mijloace*.csv\n    key: Nr. caz\n    columns:",
        "    file: m.csv\n    key: Nr. caz\n    each: {debt_bondage: Datorie}\n    answers: yes_no_ro\n    columns: ~\n    ignore:",
        "dialects/legacy.yml",
    )
    path = missions / "dialects" / "legacy.yml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("    ignore:")], "utf-8")
    contract = load_contract(missions / "MDA.yml")
    found = mapped(contract)
    assert found["control", "means_of_control", "debt_bondage"]["code"] == "debt_bondage"
    assert found["control", "answer", "da"]["code"] == "yes"
    rows = [r for r in asked(contract).to_pylist() if r["table_name"] == "control"]
    assert [
        (r["form_version"], r["item"], r["mode"], r["not_chosen"], r["is_asked"])
        for r in rows
        if r["item"]
    ] == [
        ("v1", "debt_bondage", "each", None, False),
        ("v2", "debt_bondage", "each", None, True),
    ]


def test_a_table_that_states_its_answers_leaves_nothing_to_what_was_not_chosen(
    missions: Path, change
) -> None:
    change(
        "      means_of_control:\n",
        "      answer: {from: Da/Nu, codes: yes_no_ro}\n      means_of_control:\n",
        "dialects/legacy.yml",
    )
    rows = asked(load_contract(missions / "MDA.yml")).to_pylist()
    items = [r for r in rows if r["table_name"] == "control" and r["item"]]
    assert {(r["mode"], r["not_chosen"]) for r in items} == {("each", None)}


def test_the_name_of_a_group_stands_for_itself(missions: Path, change) -> None:
    change(
        "  control:\n",
        "  assistance:\n    groups:\n"
        "      provided: {service_type: {from: Primite, many: '; ', codes: {edu: education}}}\n"
        "      needed: {service_type: {from: Necesare, many: '; ', codes: {jur: legal}}}\n"
        "  control:\n",
        "dialects/legacy.yml",
    )
    contract = load_contract(missions / "MDA.yml")
    found = mapped(contract)
    assert found["assistance", "status", "needed"]["code"] == "needed"
    assert found["assistance", "service_type", "edu"]["code"] == "education"
    assert found["assistance", "service_type", "jur"]["code"] == "legal"
    rows = [r for r in asked(contract).to_pylist() if r["table_name"] == "assistance"]
    assert {r["field"] for r in rows if r["is_asked"]} == {"service_type", "status"}


def test_local_fields_carry_their_labels(contract: Contract) -> None:
    found = mapped(contract)
    field = found["local_attribute", "field", "seasonal_departure"]
    assert (field["code"], field["label"]) == ("seasonal_departure", "Left for seasonal work")
    value = found["local_attribute", "value", "seasonal_departure=da"]
    assert (value["code"], value["label"]) == ("yes", "Yes")
    token = code_token(KEYS, "local_attribute", "value", "seasonal_departure=da")
    assert found["local_attribute", "value", token]["label"] == "Yes"
    assert found["local_attribute", "value", "seasonal_departure=-99"]["code"] == "unknown"


def test_the_map_is_total_for_the_spellings_and_tokens_of_every_column(contract: Contract) -> None:
    found = mapped(contract)
    for table_name, table in contract.tables.items():
        for field, column in table.columns.items():
            for local in contract.code_map(column.codes or []) if column.codes else ():
                for written in (local, local.upper(), f" {local} "):
                    token = code_token(KEYS, table_name, field, fold(written))
                    assert (table_name, field, token) in found


def test_asked_says_of_each_version_what_was_on_the_form(contract: Contract) -> None:
    rows = asked(contract).to_pylist()
    keys = [(r["form_version"], r["table_name"], r["field"], r["item"]) for r in rows]
    assert len(set(keys)) == len(keys)
    said = dict(zip(keys, rows, strict=True))
    assert said["v1", "case", "is_forced_labour", None]["is_asked"] is False
    assert said["v2", "case", "is_forced_labour", None]["is_asked"] is True
    assert said["v2", "case", "marital_status", None]["is_asked"] is False
    assert said["v1", "control", "means_of_control", "debt_bondage"]["is_asked"] is False
    assert said["v2", "control", "means_of_control", "debt_bondage"]["is_asked"] is True
    threats = said["v2", "control", "means_of_control", "threats_law_enforcement"]
    assert (threats["mode"], threats["not_chosen"], threats["relation"]) == (
        "chosen",
        "unknown",
        "broader",
    )
    assert said["v2", "control", "means_of_control", None]["relation"] == "broader"
    assert said["v2", "assistance", "service_type", None]["is_asked"] is False
    assert said["v2", "local_attribute", "field", "seasonal_departure"]["is_asked"] is True


def test_a_whole_table_can_be_absent_from_a_form(missions: Path, change) -> None:
    change("control.debt_bondage, ", "control, ")
    rows = asked(load_contract(missions / "MDA.yml")).to_pylist()
    control = [r for r in rows if r["table_name"] == "control"]
    assert {(r["form_version"], r["is_asked"]) for r in control} == {("v1", False), ("v2", True)}


def test_versions_and_the_mission(contract: Contract) -> None:
    versions = form_versions(contract).to_pylist()
    assert [(v["form_version"], str(v["valid_from"]), str(v["valid_until"])) for v in versions] == [
        ("v1", "None", "2008-12-01"),
        ("v2", "2009-01-01", "None"),
    ]
    assert mission_row(contract).to_pylist() == [
        {
            "mission_code": "MDA",
            "mission_name": "Moldova",
            "region": "Eastern Europe",
            "languages": "ro, ru",
            "dialect": "legacy",
            "steward": "moldova-protection-desk",
            "cadence": "night",
        }
    ]


def test_tables_of_many_missions_stack(contract: Contract) -> None:
    for compiled in (code_map(contract, KEYS), asked(contract), form_versions(contract)):
        assert pa.concat_tables([compiled, compiled]).num_rows == 2 * compiled.num_rows
