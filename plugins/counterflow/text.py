"""How text is compared everywhere: cells, headers, case numbers and the keys of code lists.

In: text as a mission wrote it. Out: the same text in the one form in which two writings of one
thing are equal. Contracts and ingest both use these, so that a code list matches what was read.
"""

from __future__ import annotations

import re
import unicodedata

# Marks that change no meaning: byte order, direction of writing, zero widths, soft hyphen.
_INVISIBLE = dict.fromkeys(
    [
        0xFEFF,
        0x200B,
        0x200C,
        0x200D,
        0x200E,
        0x200F,
        0xAD,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)
_SPACES = re.compile(r"\s+")


def clean(value: str) -> str:
    """`value` composed (NFC), without invisible marks, blanks trimmed and runs of them single."""
    if value.isascii():
        return (
            _SPACES.sub(" ", value).strip()
            if ("  " in value or "\t" in value or "\n" in value or "\r" in value)
            else value.strip()
        )
    return _SPACES.sub(" ", unicodedata.normalize("NFC", value).translate(_INVISIBLE)).strip()


def fold(value: str) -> str:
    """`clean(value)` without case: what decides whether a cell is a code of the list."""
    return clean(value).casefold()


def digits(value: str) -> str:
    """`value` with every script's decimal digits written 0 to 9."""
    if value.isascii():
        return value
    return "".join(str(unicodedata.decimal(c, c)) for c in value)


def case_number(value: str) -> str:
    """A case number in the form that is hashed: compatibility-composed, upper case, no blanks."""
    return digits(unicodedata.normalize("NFKC", clean(value))).upper().replace(" ", "")
