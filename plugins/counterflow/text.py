"""How text is compared everywhere: cells, headers, case numbers and the keys of code lists.

In: text as a mission wrote it. Out: the same text in the one form in which two writings of one
thing are equal. Contracts and ingest both use these, so that a code list matches what was read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

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
    """`value` with every script's decimal digits, and Ethiopic numerals, written 0 to 9."""
    if value.isascii():
        return value
    plain = _ETHIOPIC.sub(lambda match: str(_ethiopic(match[0])), value)
    return "".join(str(unicodedata.decimal(c, c)) for c in plain)


# One to nine, ten to ninety, and the marks for a hundred and for ten thousand.
_ETHIOPIC = re.compile("[\u1369-\u137c]+")


def _ethiopic(numeral: str) -> int:
    """The number of an Ethiopic numeral: each mark multiplies what stands before it."""
    total = group = 0
    for sign in numeral:
        worth = int(unicodedata.numeric(sign))
        if worth == 100:
            total, group = total + (group or 1) * 100, 0
        elif worth == 10_000:
            total, group = ((total + group) or 1) * 10_000, 0
        else:
            group += worth
    return total + group


# Unicode's lists write Romanian with commas below; forms of before 2007 have cedillas.
CEDILLAS = str.maketrans("șțȘȚ", "şţŞŢ")
_PREFIX = re.compile(r"^(?:prs|vic|cas|con|ref|spl|hte|per|org|rec|exp)[ _](?=\w)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """A name as it is compared: camel case and signs parted, without case, accents and technical prefix."""
    text = _PREFIX.sub("", text.strip())
    text = _CAMEL.sub(" ", clean(text)).translate(CEDILLAS)
    marks = unicodedata.normalize("NFKD", text.casefold())
    if any("a" <= c <= "z" for c in marks) or not marks.isascii():
        marks = "".join(c for c in marks if not _accent(c))
    marks = digits(unicodedata.normalize("NFC", marks))
    text = " ".join("".join(c if _written(c) else " " for c in marks).split())
    return text.replace("ı", "i").replace("ł", "l").replace("đ", "d").replace("ø", "o").strip()


def _written(character: str) -> bool:
    """A letter, a digit, or a mark that belongs to one, as in Thai or Bengali."""
    return unicodedata.category(character)[0] in "LNM"


def _accent(character: str) -> bool:
    """A mark above or below a letter of an alphabet in which it may be left out."""
    return unicodedata.category(character) == "Mn" and unicodedata.name(character, "").startswith(
        "COMBINING"
    )


def case_number(value: str) -> str:
    """A case number in the form that is hashed: compatibility-composed, upper case, no blanks."""
    if value.isascii():  # as most are; it is composed, and its digits are plain
        return clean(value).upper().replace(" ", "")
    return digits(unicodedata.normalize("NFKC", clean(value))).upper().replace(" ", "")


# What a letter becomes that an encoding does not have: `?`, or the replacement character.
_LOST = "?\ufffd"


def damaged(value: str) -> bool:
    """Whether letters may have been lost in `value`, and some are left to tell it by."""
    return any(mark in value for mark in _LOST) and any(c.isascii() and c.isalnum() for c in value)


def damaged_spellings(word: str) -> set[str]:
    """What `word` looks like when every letter outside ASCII is lost; empty if nothing tells it by."""
    spelled = {"".join(c if c.isascii() else mark for c in clean(word)) for mark in _LOST}
    return {fold(look) for look in spelled if damaged(look)}


@lru_cache(maxsize=16_384)
def _damaged_pattern(whole: str) -> re.Pattern[str] | None:
    """What `whole` looks like with some or all of its letters outside ASCII lost; None if it has none."""
    letters = clean(whole)
    if letters.isascii():
        return None
    return re.compile(
        "".join(
            re.escape(c.casefold()) if c.isascii() else f"(?:{re.escape(c.casefold())}|[{_LOST}])"
            for c in letters
        )
    )


def fits_damaged(folded: str, whole: str) -> int | None:
    """How much of `folded` is `whole` without its accents: the length, or None if it does not begin so."""
    pattern = _damaged_pattern(whole)
    match = pattern.match(folded) if pattern else None
    return match.end() if match and damaged(match[0]) else None


def undamaged(value: str, candidates: Iterable[str]) -> str | None:
    """The one of `candidates` that `value` was before its accents were lost; None if it is doubtful."""
    folded = fold(value)
    if not damaged(folded):
        return None
    fitting = [whole for whole in candidates if fits_damaged(folded, whole) == len(folded)]
    return fitting[0] if len(fitting) == 1 else None
