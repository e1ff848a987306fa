"""How single words of a contract are written: sizes, shares, months, encodings, paths.

In: a string, as the loader leaves every scalar. Out: the value, or what the steward should write.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from counterflow.canonical import COUNTRY_BASES

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def _size(value: object) -> object:
    """`500 MB` → 500_000_000; bare numbers are bytes."""
    match = re.fullmatch(r"\s*(\d+)\s*([kKmMgG]?B?)\s*", str(value))
    if not match:
        raise ValueError("write a size as a number and B, kB, MB or GB, as in `500 MB`")
    return int(match[1]) * _UNITS[match[2].upper()]


def _share(value: object) -> object:
    """`20 %` → 0.2; a bare number is taken as a share between 0 and 1."""
    text = str(value).strip()
    try:
        share = float(text.rstrip("%").strip()) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError("write a share as a percentage, as in `20 %`")
    return share


def _month(value: object) -> object:
    """`2008-12` → 2008-12-01."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", str(value)):
        raise ValueError("write a month as year-month, as in `2008-12`")
    return date.fromisoformat(f"{value}-01")


def _listed(value: object) -> object:
    """One thing or a list of it: always a list."""
    return value if isinstance(value, list) else [value]


def _basis(value: str) -> str:
    if value not in COUNTRY_BASES:
        raise ValueError(f"a basis is one of {', '.join(COUNTRY_BASES)}")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise ValueError(f"no encoding is called `{value}`") from None
    return value


def _delimiter(value: str) -> str:
    if len(value) != 1:
        raise ValueError('a delimiter is one character; write a tab as "\\t"')
    return value


def _path(value: str) -> str:
    try:
        value.format(night=date(2000, 1, 1))
    except (KeyError, IndexError, ValueError):
        raise ValueError("a path knows only {night:%Y%m%d} and its like") from None
    return value


def _span(value: object) -> object:
    """`9-18` → the 9th to the 18th character; `9` alone is one character."""
    match = re.fullmatch(r"\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*", str(value))
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise ValueError("write a column's place by its first and last character, as in `9-18`")
    return first, last


def key_name(value: str) -> str:
    """The name of a key, if it is one; else ValueError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        raise ValueError(
            "a key is named by small letters, digits, `_` and `-`, as in `moldova_2026`"
        )
    return value


def _fingerprint(value: str) -> str:
    found = value.replace(" ", "").lower()
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found):
        raise ValueError(
            "a fingerprint is 40 (or 64) hexadecimal digits, as `gpg --fingerprint` shows it"
        )
    return found


def _suffix(value: str) -> str:
    if not re.fullmatch(r"\.[A-Za-z0-9]{1,16}", value):
        raise ValueError("a suffix is a dot and letters, as in `.sig`")
    return value


def _alpha3(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError("a mission is named by its ISO 3166 alpha-3 code, as in `MDA`")
    return value


# An editor reads `-99`, `no` and `01` as a number, a truth value, a number: all are words here.
WORD: dict[str, Any] = {"type": ["string", "number", "boolean"]}
ONE_OR_MORE = {"anyOf": [WORD, {"type": "array", "items": WORD}]}
_SIZE = {"type": ["string", "integer"], "pattern": r"^\s*\d+\s*([kKmMgG]?B)?\s*$"}
_SHARE = {"type": ["string", "number"], "pattern": r"^\s*\d+(\.\d+)?\s*%?\s*$"}
_SPAN = {"type": ["string", "integer"], "pattern": r"^\s*\d{1,5}(\s*-\s*\d{1,5})?\s*$"}
_MONTH = {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}

Size = Annotated[int, BeforeValidator(_size), WithJsonSchema(_SIZE)]
Share = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE)]
Month = Annotated[date, BeforeValidator(_month), WithJsonSchema(_MONTH)]
Span = Annotated[tuple[int, int], BeforeValidator(_span), WithJsonSchema(_SPAN)]
Words = Annotated[list[str], BeforeValidator(_listed), WithJsonSchema(ONE_OR_MORE)]
Basis = Annotated[str, AfterValidator(_basis)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
Path = Annotated[str, AfterValidator(_path)]
KeyNames = Annotated[
    list[Annotated[str, AfterValidator(key_name)]],
    BeforeValidator(_listed),
    WithJsonSchema(ONE_OR_MORE),
]
Fingerprints = Annotated[
    list[Annotated[str, AfterValidator(_fingerprint)]],
    BeforeValidator(_listed),
    WithJsonSchema(ONE_OR_MORE),
]
Suffix = Annotated[str, AfterValidator(_suffix)]
MissionCode = Annotated[str, AfterValidator(_alpha3)]
MonthNumber = Annotated[int, Field(ge=1, le=13)]  # the Ethiopian year has thirteen
Calendar = Literal["gregorian", "buddhist", "solar_hijri", "ethiopian"]
