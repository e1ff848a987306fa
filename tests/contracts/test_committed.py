"""The contracts of this repository: all are sound, and what is meant to be alike is alike."""

from __future__ import annotations

import csv
import time
from collections import Counter

import pytest

from counterflow.contracts import Contract, contract_files, load_contracts
from counterflow.contracts.check import check_folder
from counterflow.contracts.read import _read, _shared_lists
from counterflow.contracts.schema import FILE
from counterflow.settings import PROJECT

MISSIONS = FILE.parent


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(MISSIONS)


@pytest.fixture(scope="module")
def countries() -> dict[str, dict[str, str]]:
    with (PROJECT / "dbt_project" / "seeds" / "country.csv").open(encoding="utf-8") as lines:
        return {row["country_code"]: row for row in csv.DictReader(lines)}


def test_the_check_finds_nothing() -> None:
    report = check_folder(MISSIONS)
    assert [str(e) for e in (*report.errors, *report.warnings)] == []
    assert len(report.contracts) == 72


def test_all_load_in_less_than_three_seconds() -> None:
    _read.cache_clear()
    _shared_lists.cache_clear()
    start = time.process_time()
    load_contracts(MISSIONS)
    assert time.process_time() - start < 3


def test_a_mission_is_a_country_in_its_region(contracts, countries) -> None:
    for code, contract in contracts.items():
        assert contract.region == countries[code]["m49_subregion"], code
    assert len({contract.name for contract in contracts.values()}) == 72


def test_a_mission_has_a_connection_and_a_desk_of_its_own(contracts) -> None:
    assert [c.source.connection for c in contracts.values()] == [
        f"mission_{code.lower()}" for code in contracts
    ]
    assert all(c.steward.endswith("-protection-desk") for c in contracts.values())
    assert len({c.steward for c in contracts.values()}) == 72


def test_what_missions_share_stands_once() -> None:
    """A mission's own file is short: what it has in common is its dialect's."""
    lengths = {path.stem: path.read_text("utf-8").count("\n") for path in contract_files(MISSIONS)}
    assert max(lengths.values()) <= 40, Counter(lengths).most_common(3)


def test_every_mission_guards_its_volume_and_says_what_research_needs(contracts) -> None:
    for code, contract in contracts.items():
        rows = contract.assert_["case"].rows
        assert rows.min, code
        assert rows.fall is not None, code
        assert contract.consent.research.yes, code


# the official template in versions 2.0 (as .xlsx and .ods), 1.0 and 1.1
TEMPLATES = {"htcds_xlsx", "htcds20_ods", "htcds10_template", "htcds11_template"}


def test_the_template_is_mapped_by_label_and_technical_name_together(contracts) -> None:
    template = [c for c in contracts.values() if "countries_template" in c.codes]
    assert {c.dialect for c in template} == TEMPLATES
    for contract in template:
        case = contract.tables["case"]
        named = {header.label: header.technical for header in case.personal}
        assert named["Mailing Street"] == "prs_MailingCity", "the template's defect, as it stands"
        assert named["Mailing Country"] == "prs_MailingPostalCode"
        headers = [
            column.from_ for table in contract.tables.values() for column in table.read_columns
        ]
        assert all(header and header.technical is not None for header in headers)


def test_every_country_has_a_name_in_every_language(contracts, countries) -> None:
    for code, contract in contracts.items():
        if contract.dialect in TEMPLATES:  # its sheet lists 121 names, and nothing else is typed
            listed = contract.codes["countries_template"]
            assert len({c.code for c in listed.values()}) == 121
        else:
            listed = contract.codes["countries"]
            assert {c.code for c in listed.values()} == set(countries), code
    assert contracts["NAM"].codes["countries"]["NA"].code == "NAM"


def test_no_is_an_answer_and_never_a_missing_code(contracts) -> None:
    for code, contract in contracts.items():
        answers = [
            local
            for name in ("yes_no", "true_false")
            for local, meaning in contract.codes.get(name, {}).items()
            if meaning.code == "no"
        ]
        assert not set(answers) & set(contract.missing), code
