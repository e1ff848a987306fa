"""What stands for a person or a rare value: keyed hashes that only the key's holder can make.

In: a mission's derived keys and text. Out: case keys and tokens of 32 hexadecimal digits
(HMAC-SHA256, 128 bits kept). The input is length-prefixed, so that no two inputs share bytes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from counterflow import keys
from counterflow.text import case_number, fold

TOKEN = "#"  # a landed value that starts so stands for one that the contract does not know


@dataclass(frozen=True, slots=True, repr=False)
class MissionKeys:
    """The keys of one mission, one per purpose. Has no repr, so that none is logged."""

    mission: str
    case: bytes
    code: bytes

    @classmethod
    def of(cls, master_key: bytes, mission: str) -> MissionKeys:
        """The keys of `mission` (alpha-3) under the master key."""
        return cls(
            mission,
            keys.derive(master_key, mission, "case"),
            keys.derive(master_key, mission, "code"),
        )


def _digest(key: bytes, *parts: str) -> str:
    message = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (p.encode() for p in parts))
    return hmac.digest(key, message, "sha256")[:16].hex()


def case_key(mission_keys: MissionKeys, *number: str) -> str:
    """The key of a case, from its number (or the parts of it) as the mission writes it."""
    return _digest(mission_keys.case, mission_keys.mission, *map(case_number, number))


def code_token(mission_keys: MissionKeys, table: str, field: str, value: str) -> str:
    """What is landed of a code that the contract does not know; the same for equal values."""
    return TOKEN + _digest(mission_keys.code, f"{table}.{field}", fold(value))


def length_class(value: str) -> str:
    """How long a value is, as far as may be told of it."""
    for longest in (4, 8, 16, 32, 64):
        if len(value) <= longest:
            return f"up to {longest} characters"
    return "more than 64 characters"
