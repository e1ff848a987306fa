"""What personal data looks like: the shapes that no published text may have.

In: a text. Out: the names of the shapes found in it (`e-mail`, `telephone`, `document`, `account`, `date`, `place`, `web`), never
the text. A text is looked at as a reader would read it: without zero-width marks, full-width letters as plain ones, the
digits of every script as 0 to 9. Names have no shape; `vocabulary` keeps them out.

Our own formats that would collide are taken out first, exactly as they are written: tokens of unmapped codes, names of
landed exports, the nights of the build, spans of years, counts with their unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from counterflow.text import digits

_BLANK = " "
# Of our own making: `#<token>`, `<16 hex>-<8 hex>[-<night>]`, `2002-2004`, `1234567 bytes`, `[rows 12, fall 0.5]`.
_TOKEN = re.compile(r"#[0-9a-f]{32}(?![0-9A-Za-z])")
_EXPORT = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16}-[0-9a-f]{8}(?:-20\d{6})?(?![0-9A-Za-z-])")
_SPAN = re.compile(r"(?<![\w.+\-/])(?:19|20)\d\d-(?:19|20)\d\d(?![\w\-/])")
_COUNT = re.compile(r"(?<![\w.+\-/])(?!0)\d{6,10} (?=(?:bytes|rows|cells)(?!\w))")
_OBSERVED = re.compile(r"\[(?:[a-z_]+ (?:\d+(?:\.\d+)?|[a-z_]+|None)(?:, )?)+\]")
_FILE = re.compile(r"(?<![\w./])(?:docs/[a-z_/]+|seeds/README)\.md(?![\w.])")
_ISO = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")

_LETTER = r"[^\W\d_]"
# `(a)` stands for the sign only before a domain: `viúvo(a)` is a widow or a widower
_EMAIL = re.compile(
    r"[^\s@<>(),;:]+\s*(?:(?:@|\(at\)|\[at\])\s*[^\s@<>(),;:]+|[(\[]a[)\]]\s*[^\s@<>(),;:.]+\.[^\W\d_]{2,})",
    re.I,
)
_WEB = re.compile(
    r"\w+://|(?<!\w)www\.\w|(?<!\w)[\w-]{2,}\.(?:com|org|net|info|onion|io|ru|ua|md|co|me|eu)(?![\w.])",
    re.I,
)
# digits that are parted by no more than blanks and signs: 7 of them are a telephone or a number of a document
_RUN = re.compile(r"\+?\(?\d(?:[\s().\-–/·]{0,3}\d){6,}")
_DOCUMENT = re.compile(
    rf"(?<![^\W_])(?:(?:{_LETTER}{{1,3}} ?|{_LETTER}{{1,6}}[\-–.:]{{0,2}})\d{{6,}}{_LETTER}?|\d{{2}}{_LETTER}{{2}}\d{{5}}|\d{{6,}}{_LETTER})(?![^\W_])"
)
_ACCOUNT = re.compile(
    r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|(?:[ \-][A-Za-z0-9]{4}){2,7}(?:[ \-][A-Za-z0-9]{1,4})?)(?![^\W_])"
)
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,2}|\d{1,2}\s?[-./]\s?\d{1,2}\s?[-./]\s?(?:\d{4}|\d{2}))(?![\d.])"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th|er|º|\.)?[ \-](?:de |of )?{_LETTER}{{3,}}\.?(?: de| of|,)?[ \-](?:1[3-9]|2[0-9])\d\d(?!\d)"
    rf"|{_LETTER}{{3,}}\.? \d{{1,2}}(?:st|nd|rd|th)?,? (?:1[89]|20)\d\d(?!\d)"
)
_PLACE = re.compile(r"(?<![\d.])[+\-−]?\d{1,3}\.\d{4,}|\d\s?°|\d\s?[′']\s?\d")

_SHAPES = {
    "e-mail": _EMAIL,
    "web": _WEB,
    "date": _DATE,
    "place": _PLACE,
    "telephone": _RUN,
    "document": _DOCUMENT,
}


def shapes(text: str, nights: Collection[str] = ()) -> list[str]:
    """The names of the shapes of personal data in `text`; `nights` are the only dates that may stand in it."""
    return list(_found(plain(text), nights))


def plain(text: str) -> str:
    """The text as it is read: without marks that are not seen, letters and digits in their plain form."""
    if text.isascii():
        return text
    shown = "".join(c for c in unicodedata.normalize("NFKC", text) if not _unseen(c))
    return digits(shown)


def _unseen(character: str) -> bool:
    """Format characters, variation selectors and fillers: they part digits without being seen."""
    return (
        unicodedata.category(character) == "Cf"
        or character in "\u034f\u115f\u1160\u3164\ufe0e\ufe0f"
    )


def _found(text: str, nights: Collection[str]) -> Iterator[str]:
    for ours in (_TOKEN, _EXPORT, _OBSERVED, _SPAN, _COUNT, _FILE):
        text = ours.sub(_BLANK, text)
    text = _ISO.sub(lambda match: _BLANK if match[0] in nights else match[0], text)
    if _account(text):
        yield "account"
    for name, shape in _SHAPES.items():
        if shape.search(text):
            yield name


def _account(text: str) -> bool:
    """Whether an account number with valid check digits (ISO 13616) stands in the text, in one piece or in groups of four."""
    for match in _ACCOUNT.finditer(text):
        groups = re.split(r"[ \-]", match[0].upper())
        if any(valid_iban("".join(groups[:n])) for n in range(1, len(groups) + 1)):
            return True
    return False


def valid_iban(text: str) -> bool:
    """Whether this is as long as an account number, and its check digits are right."""
    if not 15 <= len(text) <= 34:
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1
