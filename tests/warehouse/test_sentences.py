"""Sentences of our own making pass; a word that somebody typed into an export does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.settings import PROJECT
from counterflow.warehouse.sentences import Said, ours, program_words, said

CONTRACTS = said(PROJECT / "dags" / "missions")
NAMES = ("MDA", "THA", "case", "debt_bondage")
OURS = [
    "",
    "MDA: nothing that fits `outgoing/cazuri_{night:%Y%m%d}.zip` has been delivered. Ask moldova-protection-desk, or correct "
    "`source.path` in the contract.",
    "MDA: no new export for 3 nights (grace 0). Its last good data stays. Ask moldova-protection-desk to export, or check the "
    "connection mission_mda.",
    "MDA: export refused (missing_column): table `case`: there is no column `prs_Gender` among its 57 columns. If the mission renamed "
    "it, correct the contract; otherwise ask for the column.",
    "MDA: export refused (wrong_encoding): table `case`: the file is not `cp1251`. It looks like `utf-16`. Correct "
    "`source.encoding` in the contract, or ask the mission to export as before.",
    "MDA: a fault of the program (RuntimeError at building.py:12); nothing of its export was taken. See docs/runbooks/mission_failed.md",
    "MDA: a fault of the program (BrokenProcessPool at local.py:85); nothing of its export was taken. See "
    "docs/runbooks/mission_failed.md",
    "MDA: a fault of the program (KeyError at unknown place); nothing of its export was taken. See docs/runbooks/mission_failed.md",
    "#0efb1501d4dd5ca76492ff3620fc52d8, up to 16 characters",
    "column 3 of 12: dropped, its name withheld",
    "of 17 codes no accepted row holds `ยาเสพติด`, `วิธีอื่น`",
    "of 11 codes no accepted row holds `Enrôlement par groupe armé`, `Prélèvement d'organes`",
    "version `v1` did not ask `case.education`, and it is answered",
    "no dates of the gregorian calendar, but of the buddhist",
    "no longer among the accepted cases",
    "MDA: export refused (ragged_rows): table `case`: 0 lines are longer than their columns and 1 shorter, the first is line 21. Ask "
    "for the file as it was exported, unopened; if its columns moved, correct `layout`, and if its lines end after their last "
    "filled cell, say `source.trimmed: true`.",
]


@pytest.mark.parametrize("text", OURS)
def test_our_own_sentences_pass(text: str) -> None:
    assert ours(text, CONTRACTS, NAMES)
    assert ours(text, None, (*NAMES, "moldova", "protection", "desk", "mission", "mda"))


@pytest.mark.parametrize(
    "name", ["Anna", "Zxqvella Planted", "Ольга", "فاطمة", "সালমা", "Nguyễn", "O'Brien", "Jean-Luc"]
)
@pytest.mark.parametrize("text", OURS)
def test_a_name_in_it_does_not(text: str, name: str) -> None:
    assert not ours(f"{text} {name}", CONTRACTS, NAMES)
    assert not ours(f"`{name}` {text}", CONTRACTS, NAMES)
    assert not ours(f"{name}: {text}", None, NAMES)


@given(st.text(st.characters(categories=["L"]), min_size=3, max_size=12))
def test_what_was_typed_does_not_pass(word: str) -> None:
    folded = word.casefold()
    if folded in program_words() or CONTRACTS.holds(word) or folded in CONTRACTS.names:
        return
    assert not ours(f"a cell says {word}", CONTRACTS)
    assert not ours(f"there is no column `{word}`", CONTRACTS)


def test_a_part_of_a_word_of_a_contract_is_not_in_it() -> None:
    contracts = Said("codes: {banana: other, ana maria: other}", frozenset())
    assert contracts.holds("Ana Maria")
    assert contracts.holds("ana")
    assert not contracts.holds("nana")
    assert not contracts.holds("")


def test_a_code_that_holds_the_mark_we_quote_with_is_told_by_its_words(tmp_path: Path) -> None:
    (tmp_path / "UZB.yml").write_text(
        "codes: {yes_no: {O`zbek: other}}  # as they write it\n", "utf-8"
    )
    contracts = said(tmp_path)
    assert contracts.has_ticks
    assert ours("of 2 codes no accepted row holds `O`zbek`", contracts)
    assert not ours("of 2 codes no accepted row holds `O`brien`", contracts)
    assert not CONTRACTS.has_ticks


@pytest.mark.parametrize("text", ["an open ` mark", "word " * 500, "`" + "x" * 300 + "`"])
def test_what_cannot_be_read_is_not_ours(text: str) -> None:
    assert not ours(text, None)


def test_the_words_are_of_messages_and_not_of_docstrings_or_the_generator(tmp_path: Path) -> None:
    assert {"refused", "delivered", "withheld"} <= program_words()
    assert not {"zxqvella", "pontoon", "anna", "maria"} & program_words()
    assert tmp_path.exists()
