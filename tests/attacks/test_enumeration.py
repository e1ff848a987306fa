"""Case numbers are easily guessed: whoever holds pseudonyms tries all of them.

The attacker has the case keys of a mission's landing, the program, and none, one or both of the keys.
"""

from __future__ import annotations

import hashlib
import secrets

import pytest

from counterflow.depersonalise import MissionKeys, case_key, code_token, suppression_token
from counterflow.keys import Keyring
from counterflow.text import case_number

MISSION = "MDA"
NUMBERS = [f"{n:04d}/{n % 11:02d}" for n in range(1, 1001)]
NAMES = ["Anna", "Maria", "Ion", "Olena", "Fatima"]
OURS = Keyring(secrets.token_bytes(32), secrets.token_bytes(32))
OTHER = Keyring(secrets.token_bytes(32), secrets.token_bytes(32))


def recovered(held: set[str], keyring: Keyring) -> int:
    """How many of the numbers the attacker finds again with these keys."""
    mine = MissionKeys.of(keyring, MISSION)
    return sum(case_key(mine, number) in held for number in NUMBERS)


@pytest.fixture(scope="module")
def held() -> set[str]:
    ours = MissionKeys.of(OURS, MISSION)
    return {case_key(ours, number) for number in NUMBERS}


def test_a_plain_hash_gives_every_number_away() -> None:
    """Control: hashes without a key, of any kind."""
    for name in ("md5", "sha256", "blake2b"):
        hashed = {hashlib.new(name, n.encode()).hexdigest()[:32] for n in NUMBERS}
        tried = {hashlib.new(name, n.encode()).hexdigest()[:32]: n for n in NUMBERS}
        assert len(hashed & set(tried)) == len(NUMBERS)


def test_without_the_keys_no_number_is_found(held: set[str]) -> None:
    assert recovered(held, OTHER) == 0
    for name in ("md5", "sha1", "sha256", "blake2b"):
        for number in NUMBERS:
            for text in (number, case_number(number), f"{MISSION}{number}", f"{MISSION}|{number}"):
                digest = hashlib.new(name, text.encode()).hexdigest()
                assert not {digest[at : at + 32] for at in (0, len(digest) - 32)} & held


@pytest.mark.parametrize(
    "half", [Keyring(OURS.master, OTHER.linking), Keyring(OTHER.master, OURS.linking)]
)
def test_with_one_of_the_two_keys_no_number_is_found(held: set[str], half: Keyring) -> None:
    assert recovered(held, half) == 0


def test_with_both_keys_every_number_is_found(held: set[str]) -> None:
    """Control, and the reason why the two are kept apart."""
    assert recovered(held, OURS) == len(NUMBERS)


def test_the_master_key_alone_opens_the_cipher_and_finds_a_keyed_hash_below_it(
    held: set[str],
) -> None:
    """What is under the cipher is no plain hash of the number either."""
    blocks = MissionKeys.of(OURS, MISSION).case.blocks
    inner = {blocks.decrypt(bytes.fromhex(key)) for key in held}
    for name in ("md5", "sha1", "sha256"):
        for number in NUMBERS:
            raw = case_number(number).encode()
            for text in (raw, MISSION.encode() + raw):
                assert hashlib.new(name, text).digest()[:16] not in inner


def test_tokens_of_what_somebody_typed_are_not_found_either() -> None:
    ours, other = (MissionKeys.of(keyring, MISSION) for keyring in (OURS, OTHER))
    landed = {code_token(ours, "case", "gender", name) for name in NAMES}
    assert {code_token(ours, "case", "gender", name.upper()) for name in NAMES} == landed
    assert not {code_token(other, "case", "gender", name) for name in NAMES} & landed
    assert (
        not {"#" + hashlib.sha256(n.casefold().encode()).hexdigest()[:32] for n in NAMES} & landed
    )


def test_who_holds_a_suppression_list_cannot_tell_whom_it_names(held: set[str]) -> None:
    """The list of erased cases and the landing have nothing in common for somebody without the keys."""
    ours, other = (MissionKeys.of(keyring, MISSION) for keyring in (OURS, OTHER))
    erased = {suppression_token(ours, key) for key in sorted(held)[:50]}
    assert not erased & held
    assert not {suppression_token(other, key) for key in held} & erased


def test_missions_have_nothing_in_common(held: set[str]) -> None:
    """One person with one number in two missions is not seen to be one."""
    elsewhere = MissionKeys.of(OURS, "UKR")
    assert not {case_key(elsewhere, number) for number in NUMBERS} & held
