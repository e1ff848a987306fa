"""Keys stand for cases and values: equal for equal, different for anything else, useless without the key."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from counterflow.depersonalise import MissionKeys, case_key, code_token, length_class
from counterflow.text import case_number

MASTER = bytes(range(32))
MDA = MissionKeys.of(MASTER, "MDA")
UKR = MissionKeys.of(MASTER, "UKR")
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@given(words, words)
def test_cases_share_a_key_only_if_their_numbers_are_one(first: str, second: str) -> None:
    same = case_number(first) == case_number(second)
    assert (case_key(MDA, first) == case_key(MDA, second)) == same


@given(words, words, words, words)
def test_parts_of_a_number_do_not_run_together(a: str, b: str, c: str, d: str) -> None:
    same = [case_number(a), case_number(b)] == [case_number(c), case_number(d)]
    assert (case_key(MDA, a, b) == case_key(MDA, c, d)) == same


@given(words)
def test_missions_masters_and_purposes_have_nothing_in_common(number: str) -> None:
    other = MissionKeys.of(bytes(32), "MDA")
    keys = {case_key(MDA, number), case_key(UKR, number), case_key(other, number)}
    assert len({*keys, code_token(MDA, "case", "gender", number)[1:]}) == 4


def test_writings_of_one_number_are_one_case() -> None:
    assert case_key(MDA, " md-0012 ") == case_key(MDA, "MD-0012") == case_key(MDA, "ＭＤ-００１２")
    assert case_key(MDA, "٠١٢") == case_key(MDA, "012")
    assert case_key(MDA, "0012") != case_key(MDA, "12")  # leading zeros are part of a number


def test_enumerating_case_numbers_finds_a_plain_hash_but_no_key() -> None:
    """The attack of the privacy page with its positive control."""
    numbers = [f"MD-{n:05}" for n in range(2000)]
    hidden = numbers[1234]
    guesses = {hashlib.sha256(n.encode()).hexdigest()[:32] for n in numbers}
    assert hashlib.sha256(hidden.encode()).hexdigest()[:32] in guesses
    assert case_key(MDA, hidden) not in guesses
    assert case_key(MDA, hidden) not in {
        case_key(MissionKeys.of(bytes(32), "MDA"), n) for n in numbers
    }


def test_keys_are_not_shown() -> None:
    assert MDA.case.hex() not in repr(MDA)
    assert str(MDA.case) not in repr(MDA)


@given(st.text(max_size=200))
def test_a_length_class_tells_no_length(text: str) -> None:
    assert length_class(text) in {f"up to {n} characters" for n in (4, 8, 16, 32, 64)} | {
        "more than 64 characters"
    }
