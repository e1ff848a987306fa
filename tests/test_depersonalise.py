"""Pseudonyms stand for cases and values: equal for equal, different for anything else, useless without the keys."""

from __future__ import annotations

import hashlib
import hmac
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow import keys
from counterflow.depersonalise import (
    Blocks,
    MissionKeys,
    case_key,
    case_keys,
    code_token,
    is_token,
    length_class,
    suppression_token,
    translate,
)
from counterflow.keys import Keyring
from counterflow.text import case_number

LINKING = bytes(range(32, 64))
RING = Keyring(bytes(range(32)), LINKING)
NEW = Keyring(bytes(range(64, 96)), LINKING)
MDA, UKR = MissionKeys.of(RING, "MDA"), MissionKeys.of(RING, "UKR")
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
blocks = st.binary(min_size=16, max_size=16)


@given(words, words)
def test_cases_share_a_key_only_if_their_numbers_are_one(first: str, second: str) -> None:
    same = case_number(first) == case_number(second)
    assert (case_key(MDA, first) == case_key(MDA, second)) == same


@given(words, words, words, words)
def test_parts_of_a_number_do_not_run_together(a: str, b: str, c: str, d: str) -> None:
    same = [case_number(a), case_number(b)] == [case_number(c), case_number(d)]
    assert (case_key(MDA, a, b) == case_key(MDA, c, d)) == same


@given(words)
def test_missions_keys_and_purposes_have_nothing_in_common(number: str) -> None:
    other_master = MissionKeys.of(Keyring(bytes(32), LINKING), "MDA")
    other_linking = MissionKeys.of(Keyring(RING.master, bytes(32)), "MDA")
    key = case_key(MDA, number)
    found = [
        key,
        case_key(UKR, number),
        case_key(other_master, number),
        case_key(other_linking, number),
        code_token(MDA, "case", "gender", number)[1:],
        code_token(UKR, "case", "gender", number)[1:],
        suppression_token(MDA, key),
        suppression_token(UKR, case_key(UKR, number)),
    ]
    assert len(set(found)) == len(found)


@given(st.lists(st.tuples(words, words), max_size=20))
def test_many_at_once_are_what_each_is_alone(numbers: list[tuple[str, str]]) -> None:
    assert case_keys(MDA, numbers) == [case_key(MDA, *number) for number in numbers]


@given(st.binary(min_size=32, max_size=32), st.lists(blocks, max_size=20))
def test_a_cipher_is_a_bijection(key: bytes, plain: list[bytes]) -> None:
    made = Blocks(key)
    hidden = made.encrypt(b"".join(plain))
    assert made.decrypt(hidden) == b"".join(plain)
    each = [hidden[at : at + 16] for at in range(0, len(hidden), 16)]
    assert each == [made.encrypt(one) for one in plain]
    assert len(set(each)) == len(set(plain))


@given(st.lists(words, min_size=1, max_size=10))
def test_rotation_gives_the_keys_that_the_new_master_makes(numbers: list[str]) -> None:
    new = MissionKeys.of(NEW, "MDA")
    old_keys = [case_key(MDA, number) for number in numbers]
    new_keys = translate(MDA.case.blocks, new.case.blocks, old_keys)
    assert new_keys == [case_key(new, number) for number in numbers]
    assert not set(new_keys) & set(old_keys)
    tokens = [code_token(MDA, "case", "gender", number)[1:] for number in numbers]
    assert translate(MDA.code.blocks, new.code.blocks, tokens) == [
        code_token(new, "case", "gender", number)[1:] for number in numbers
    ]
    suppressed = [suppression_token(MDA, key) for key in old_keys]
    assert translate(MDA.suppression, new.suppression, suppressed) == [
        suppression_token(new, key) for key in new_keys
    ]


def test_what_was_erased_is_known_again_by_its_case_key_alone() -> None:
    assert suppression_token(MDA, case_key(MDA, "MD-0012")) == suppression_token(
        MDA, case_key(MDA, " md-0012 ")
    )


def test_writings_of_one_number_are_one_case() -> None:
    assert case_key(MDA, " md-0012 ") == case_key(MDA, "MD-0012") == case_key(MDA, "ＭＤ-００１２")
    assert case_key(MDA, "٠١٢") == case_key(MDA, "012")
    assert case_key(MDA, "0012") != case_key(MDA, "12")  # leading zeros are part of a number


def hkdf(key: bytes, info: str) -> bytes:
    """RFC 5869 with SHA-256 and no salt, 32 bytes: one round each."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info.encode() + b"\x01", hashlib.sha256).digest()


def aes(key: bytes, block: bytes) -> str:
    """One block by OpenSSL's command, which shares no code with Python's library."""
    command = ["openssl", "enc", "-aes-256-ecb", "-nopad", "-nosalt", "-K", key.hex()]
    return subprocess.run(command, input=block, capture_output=True, check=True).stdout.hex()


# of the keys above, case number MD-0012 of MDA; written down so that a change of the scheme cannot go unseen
KNOWN = {
    "key_id": "aee565f6",
    "case": "30ba5e904edbdafe97c2c20601be8d6f",
    "code": "ba9383d36d154fc5e844edfd0b338bee",
    "suppression": "b052a2ec675de92dec87a9d1bc6538e6",
}


@pytest.mark.parametrize("known", ["written down", "openssl"])
def test_pseudonyms_are_those_of_an_independent_implementation(known: str) -> None:
    made = {
        "key_id": RING.key_id,
        "case": case_key(MDA, "MD-0012"),
        "code": code_token(MDA, "case", "gender", "Other Word")[1:],
        "suppression": suppression_token(MDA, case_key(MDA, "MD-0012")),
    }
    if known == "written down":
        assert made == KNOWN
        return

    def inner(purpose: str, *parts: bytes) -> bytes:
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        key = hkdf(RING.linking, f"counterflow/1/MDA/{purpose}")
        return hmac.new(key, message, hashlib.sha256).digest()[:16]

    def under(purpose: str, block: bytes) -> str:
        return aes(hkdf(RING.master, f"counterflow/1/MDA/{purpose}"), block)

    case = inner("case", b"MDA", case_number("MD-0012").encode())
    assert made == {
        "key_id": hkdf(RING.master, "counterflow/1/agency/id")[:4].hex(),
        "case": under("case", case),
        "code": under("code", inner("code", b"case.gender", b"other word")),
        "suppression": under("suppression", case),
    }


def test_enumerating_case_numbers_finds_a_plain_hash_but_no_key() -> None:
    """The attack of the privacy page with its positive control; one of the two keys is not enough."""
    numbers = [f"MD-{n:05}" for n in range(2000)]
    hidden = numbers[1234]
    guesses = {hashlib.sha256(n.encode()).hexdigest()[:32] for n in numbers}
    assert hashlib.sha256(hidden.encode()).hexdigest()[:32] in guesses
    key = case_key(MDA, hidden)
    assert key not in guesses
    assert key in set(case_keys(MDA, [(n,) for n in numbers]))  # who has both keys finds it
    for ring in (Keyring(bytes(32), LINKING), Keyring(RING.master, bytes(32))):
        assert key not in set(case_keys(MissionKeys.of(ring, "MDA"), [(n,) for n in numbers]))


def test_keys_are_not_shown() -> None:
    for holder in (MDA, MDA.case, MDA.suppression, RING):
        for key in (
            MDA.case.hash_key,
            RING.master,
            RING.linking,
            keys.derive(RING.master, "MDA", "case"),
        ):
            assert key.hex() not in repr(holder)
            assert str(key) not in repr(holder)


def test_a_token_is_told_from_a_code() -> None:
    assert is_token(code_token(MDA, "case", "gender", "x"))
    assert not any(map(is_token, ("#1", "f", "", case_key(MDA, "1"))))


@given(st.text(max_size=200))
def test_a_length_class_tells_no_length(text: str) -> None:
    assert length_class(text) in {f"up to {n} characters" for n in (4, 8, 16, 32, 64)} | {
        "more than 64 characters"
    }
