"""A draft is a sound contract that grants nothing, and names all that a person must decide."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from counterflow.onboarding import Onboarding, onboard
from counterflow.onboarding.draft import UNDECIDED, path_pattern
from counterflow.onboarding.lexicon import Lexicon
from counterflow.onboarding.yamltext import flow
from counterflow.settings import Settings
from counterflow.text import plain
from tests.onboarding import lithuania


@pytest.fixture
def found(tmp_path: Path, settings: Settings) -> Onboarding:
    sample = tmp_path / "bylos_20101125.zip"
    sample.write_bytes(lithuania.export())
    return onboard(sample, "LTU", settings, date(2026, 1, 1))


def test_the_draft_is_sound_and_withholds_every_case(found: Onboarding) -> None:
    contract = yaml.load(found.draft.text, Loader=yaml.BaseLoader)
    assert contract["consent"]["research"]["yes"] == [UNDECIDED]
    run = found.as_drafted
    assert run.problems == []
    assert run.rows_read == 3 * lithuania.CASES
    assert (run.rows_accepted, run.rows_withheld) == (0, 3 * lithuania.CASES)


def test_the_night_is_the_one_in_the_file_name(found: Onboarding) -> None:
    assert found.night == lithuania.NIGHT


def test_the_dry_run_says_what_would_be_accepted(found: Onboarding) -> None:
    assert found.if_consented is not None
    run = found.if_consented
    refused = sum(lithuania.consent(n) == "Ne" for n in range(1, lithuania.CASES + 1))
    assert run.withheld == {"no_consent": 3 * refused}
    assert run.rows_accepted == 3 * (lithuania.CASES - refused)
    assert (run.status, run.failing) == ("loaded", [])


def test_personal_columns_are_dropped_and_the_unknown_one_is_to_be_decided(
    found: Onboarding,
) -> None:
    contract = yaml.load(found.draft.text, Loader=yaml.BaseLoader)
    case = contract["tables"]["case"]
    assert set(case["personal"]) == {"Vardas", "Pavardė", "Asmens kodas", "Darbuotojas"}
    assert case["becomes"]["age_band"]["from"] == "Gimimo data"
    assert case["ignore"]["Pastabos"] == "free text"
    assert case["ignore"]["Kabinetas"].startswith(UNDECIDED)
    asked = {d.where for d in found.draft.decisions}
    assert "bylos.csv: Kabinetas" in asked
    assert {d.topic for d in found.draft.decisions} >= {"consent", "column", "form", "mission"}


def test_every_proposal_has_a_reason(found: Onboarding) -> None:
    for plan in found.plans:
        for choice in plan.choices:
            if choice.role is not None:
                assert choice.reason
                assert 0 < choice.confidence <= 1


def test_a_gregorian_date_that_fits_no_column_is_not_guessed(lexicon: Lexicon) -> None:
    assert lexicon.roles("Qwrtz") == []
    assert [n.role.kind for n in lexicon.roles("prs_FirstName")] == ["personal"]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("cases_20101125.zip", "cases_{night:%Y%m%d}.zip"),
        ("a 2010-11-25.xlsx", "a {night:%Y-%m-%d}.xlsx"),
        ("k_2010_11_25.csv", "k_{night:%Y_%m_%d}.csv"),
        ("x_25.11.2010.csv", "x_{night:%d.%m.%Y}.csv"),
        ("101125_cases.csv", "{night:%y%m%d}_cases.csv"),
    ],
)
def test_the_night_has_its_place_in_the_path(name: str, pattern: str) -> None:
    assert path_pattern(name) == (pattern, lithuania.NIGHT)


def test_a_name_without_a_date_stays(lexicon: Lexicon) -> None:
    assert path_pattern("cases.csv") == ("cases.csv", None)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "-99",
        "00",
        "a: b",
        "#x",
        "x #y",
        "{a}",
        "é, ü",
        "",
        " a ",
        "%Y",
        "~",
        "* a",
        "[x]",
        "'q'",
        "หญิง",
    ],
)
def test_a_word_is_read_back_as_it_was(text: str) -> None:
    written = flow({text: [text, text]})
    assert yaml.load(written, Loader=yaml.BaseLoader) == {text: [text, text]}


def test_names_are_compared_without_case_accents_and_prefixes() -> None:
    assert plain("prs_FirstName") == plain("First name") == "first name"
    assert plain("Šeiminė  padėtis") == plain("SEIMINE PADETIS")
    assert plain("Ţara") == plain("Țara")
