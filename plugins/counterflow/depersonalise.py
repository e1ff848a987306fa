"""What stands for a person or a rare value: pseudonyms that only the holder of the keys can make.

In: a mission's derived keys and text. Out: case keys, tokens and suppression tokens of 32 hexadecimal
digits. A pseudonym is a keyed hash (HMAC-SHA256 under the linking key, 128 bits kept) under a block
cipher (AES-256 under the master key). To find a known case number one needs both keys. A new master
key turns old pseudonyms into new ones without any case number (rotation.py, docs/adr/0021).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from counterflow import keys
from counterflow.keys import Keyring
from counterflow.text import case_number, fold

TOKEN = "#"  # a landed value that starts so stands for one that the contract does not know
_TOKEN = re.compile(f"{TOKEN}[0-9a-f]{{32}}")
_BLOCK = 16


class Blocks:
    """A permutation of 128-bit blocks under one key.

    Each block stands alone and is the output of a keyed hash, so the cipher's plain form (ECB) is what
    is wanted: equal for equal, and nothing to be seen in what differs.
    """

    __slots__ = ("_decrypt", "_encrypt")

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - see above
        self._encrypt, self._decrypt = cipher.encryptor(), cipher.decryptor()

    def encrypt(self, blocks: bytes) -> bytes:
        """Any number of whole blocks, one after the other."""
        return self._encrypt.update(blocks)

    def decrypt(self, blocks: bytes) -> bytes:
        """The blocks that `encrypt` was given."""
        return self._decrypt.update(blocks)


@dataclass(frozen=True, slots=True, repr=False)
class Pseudonyms:
    """The pseudonyms of one mission and purpose. Has no repr: it holds keys."""

    hash_key: bytes
    blocks: Blocks

    @classmethod
    def of(cls, keyring: Keyring, mission: str, purpose: str) -> Pseudonyms:
        """Those of `mission` (alpha-3) for `purpose`."""
        return cls(
            keys.derive(keyring.linking, mission, purpose),
            Blocks(keys.derive(keyring.master, mission, purpose)),
        )

    def __call__(self, inputs: Iterable[Sequence[str]]) -> list[str]:
        """The pseudonym of each input, which is a number of texts: length-prefixed, none runs into the next."""
        inner = b"".join(self._hash(parts) for parts in inputs)
        return _texts(self.blocks.encrypt(inner))

    def _hash(self, parts: Sequence[str]) -> bytes:
        message = b"".join([len(raw).to_bytes(4, "big") + raw for raw in map(str.encode, parts)])
        return hmac.digest(self.hash_key, message, "sha256")[:_BLOCK]


@dataclass(frozen=True, slots=True, repr=False)
class MissionKeys:
    """The keys of one mission, one per purpose. Has no repr, so that none is logged."""

    mission: str
    key_id: str  # of the master key they come from
    linking_id: str
    case: Pseudonyms
    code: Pseudonyms
    suppression: Blocks

    @classmethod
    def of(cls, keyring: Keyring, mission: str) -> MissionKeys:
        """The keys of `mission` (alpha-3)."""
        return cls(
            mission,
            keyring.key_id,
            keyring.linking_id,
            Pseudonyms.of(keyring, mission, "case"),
            Pseudonyms.of(keyring, mission, "code"),
            Blocks(keys.derive(keyring.master, mission, "suppression")),
        )


def case_key(mission_keys: MissionKeys, *number: str) -> str:
    """The key of a case, from its number (or the parts of it) as the mission writes it."""
    return case_keys(mission_keys, [number])[0]


def case_keys(mission_keys: MissionKeys, numbers: Iterable[Sequence[str]]) -> list[str]:
    """The keys of many cases at once."""
    mission = mission_keys.mission
    return mission_keys.case([(mission, *map(case_number, number)) for number in numbers])


def code_token(mission_keys: MissionKeys, table: str, field: str, value: str) -> str:
    """What is landed of a code that the contract does not know; the same for equal values."""
    return code_tokens(mission_keys, table, field, [value])[0]


def code_tokens(
    mission_keys: MissionKeys, table: str, field: str, values: Iterable[str]
) -> list[str]:
    """The tokens of many codes of a field at once."""
    place = f"{table}.{field}"
    return [TOKEN + one for one in mission_keys.code((place, fold(value)) for value in values)]


def is_token(value: str) -> bool:
    """Whether a landed value is a token."""
    return _TOKEN.fullmatch(value) is not None


def suppression_token(mission_keys: MissionKeys, case_key: str) -> str:
    """What remembers that a case must stay out, once its case key is nowhere any more.

    The holder of the keys computes it of a case key; nobody else can tell that the two are one case.
    """
    return translate(mission_keys.case.blocks, mission_keys.suppression, [case_key])[0]


def translate(old: Blocks, new: Blocks, pseudonyms: Sequence[str]) -> list[str]:
    """The pseudonyms under `new` of what has `pseudonyms` under `old`: one for one, nothing is hashed anew."""
    return _texts(new.encrypt(old.decrypt(bytes.fromhex("".join(pseudonyms)))))


def _texts(blocks: bytes) -> list[str]:
    text = blocks.hex()
    return [text[at : at + 2 * _BLOCK] for at in range(0, len(text), 2 * _BLOCK)]


def length_class(value: str) -> str:
    """How long a value is, as far as may be told of it."""
    for longest in (4, 8, 16, 32, 64):
        if len(value) <= longest:
            return f"up to {longest} characters"
    return "more than 64 characters"
