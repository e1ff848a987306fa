"""The strings that are planted, and every form in which one could come to light again.

In: an encoding, a language. Out: texts that begin with one of a few invented words, so that a word in
any form gives a leak away; and, of each whole text, the plain hashes that somebody could have made of it.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import html
import json
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

from text_unidecode import unidecode

from counterflow.text import case_number, digits, fold

ASCII = "Zqvexoplu"
ACCENTED = "Žqvéxöplü"
FULL_WIDTH = "Ｚｑｖｅｘｏｐｌｕ"
NUMBER = "7700351946"
# A word in the mission's own script, made of letters that its code page has.
LOCAL = {
    "ro": "Žqvéxöplů", "pl": "Žqvéxöplů", "ru": "Щзвеклопфущ", "uk": "Щзвеклопфущ",
    "ar": "ظثطعخضغظث", "fa": "ظثطعخضغپث", "th": "ฒฌฏฐฎฆฑฒฌ", "bn": "ঘঝঠঢফভষঘঝ",
    "am": "ጰጸፀጰፐጨጠጰጸ", "km": "ឃឈឋឍធភសឃឈ", "hi": "घझठढफभषघझ",
}  # fmt: skip
WORDS = (ASCII, ACCENTED, FULL_WIDTH, NUMBER, *dict.fromkeys(LOCAL.values()))
# A birthday that the generator gives nobody: exact dates are personal too.
BORN = date(1931, 7, 13)

CODE_PAGES = (
    "cp1250", "cp1251", "cp1252", "cp1256", "cp874", "utf-8", "utf-16-le", "utf-16-be", "utf-32-le",
)  # fmt: skip
HASHES = ("md5", "sha1", "sha256")
HEAD = 8  # bytes: no shorter form is looked for, it would be found by chance


@dataclass(slots=True)
class Marks:
    """Texts as they are planted, each with where it was planted."""

    planted: dict[str, str] = field(default_factory=dict)

    def new(self, word: str, where: str) -> str:
        """A text that begins with `word` and was never given before."""
        number = len(self.planted)
        text = f"{word}{number:06d}" if word == NUMBER else f"{word}{number:05x}"
        self.planted[text] = where
        return text

    def note(self, text: str, where: str) -> str:
        """A text made elsewhere that holds one of the words."""
        self.planted[text] = where
        return text


def local_word(language: str, encoding: str) -> str:
    """A word in the script of the language, or with accents; plain where the encoding has neither."""
    for word in (LOCAL.get(language, ACCENTED), ACCENTED, LOCAL["ro"]):
        with suppress(UnicodeEncodeError):
            word.encode(encoding)
            return word
    return ASCII


def word_forms() -> dict[bytes, str]:
    """Every form of the words that is looked for, with its name."""
    found: dict[bytes, str] = {}
    for word in WORDS:
        for name, text in _texts(word):
            for how, data in _written(text):
                if len(data) >= HEAD:
                    found.setdefault(data, f"{word} {name} {how}")
    for name, text in _dates(BORN):
        for how, data in _written(text):
            found.setdefault(data, f"exact date {name} {how}")
    return found


def hash_forms(planted: Iterable[str]) -> dict[bytes, str]:
    """The plain hashes of every whole text, of its folded form and of a case number's normal form."""
    found: dict[bytes, str] = {}
    for text in planted:
        for said in {text, fold(text), case_number(text), unidecode(text)}:
            for algorithm in HASHES:
                digest = hashlib.new(algorithm, said.encode()).digest()
                name = f"{algorithm} of {text}"
                found[digest[:HEAD]] = name
                found[digest.hex()[: 2 * HEAD].encode()] = f"{name} hex"
                found[base64.b64encode(digest)[: HEAD + 2]] = f"{name} base64"
    return found


def _texts(word: str) -> Iterator[tuple[str, str]]:
    """The word as normalising, folding and transliterating code would make it."""
    forms = {
        "plain": word,
        "casefold": word.casefold(),
        "upper": word.upper(),
        "lower": word.lower(),
        "title": word.title(),
        "NFC": unicodedata.normalize("NFC", word),
        "NFD": unicodedata.normalize("NFD", word),
        "NFKC": unicodedata.normalize("NFKC", word),
        "NFKD": unicodedata.normalize("NFKD", word),
        "stripped": _stripped(word),
        "transliterated": unidecode(word),
        "digits": digits(word),
        "case number": case_number(word),
        "accents lost": "".join(c if c.isascii() else "?" for c in word),
        "replaced": "".join(c if c.isascii() else "\ufffd" for c in word),
    }
    forms |= {f"{name} casefold": text.casefold() for name, text in forms.items()}
    forms |= {f"{name} upper": text.upper() for name, text in list(forms.items())}
    forms |= {f"{name} reversed": text[::-1] for name, text in list(forms.items())}
    for zero in "٠۰০០०":
        if word.isdecimal():
            forms[f"digits from {zero}"] = "".join(chr(ord(zero) + int(c)) for c in word)
    seen: set[str] = set()
    for name, text in forms.items():
        if text not in seen and text.strip("?\ufffd"):
            seen.add(text)
            yield name, text


def _stripped(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _written(text: str) -> Iterator[tuple[str, bytes]]:
    """The text as bytes: in each encoding, escaped, as base64 in its three alignments, as hex."""
    plain = text.encode()
    for encoding in CODE_PAGES:
        with suppress(UnicodeEncodeError):
            yield encoding, text.encode(encoding)
    for page in (
        "latin-1",
        "cp1250",
        "cp1251",
        "cp1252",
    ):  # read in the wrong encoding, then written
        with suppress(UnicodeDecodeError):
            yield f"mojibake {page}", plain.decode(page).encode()
        for real in CODE_PAGES[:5]:
            with suppress(UnicodeError):
                yield f"{real} read as {page}", text.encode(real).decode(page).encode()
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "URL", quote(text).encode()
    yield "url", quote(text).lower().encode()
    yield "HTML", text.encode("ascii", "xmlcharrefreplace")
    yield "HTML hex", "".join(c if c.isascii() else f"&#x{ord(c):x};" for c in text).encode()
    yield "entities", html.escape(text).encode()
    yield "quoted-printable", codecs.encode(plain, "quopri").replace(b"=\n", b"")
    yield "repr of bytes", repr(plain)[2:-1].encode()
    yield "backslashes", text.encode("unicode_escape")
    for encoding in ("utf-8", "utf-16-le"):
        data = text.encode(encoding)
        yield f"hex {encoding}", data.hex().encode()
        yield f"HEX {encoding}", data.hex().upper().encode()
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + data).rstrip(b"=")
            # What the neighbours of the text have no part in.
            first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
            yield f"base64 {encoding} +{shift}", whole[first:last]
            yield (
                f"base64url {encoding} +{shift}",
                whole[first:last].translate(bytes.maketrans(b"+/", b"-_")),
            )
        yield f"base32 {encoding}", base64.b32encode(data).rstrip(b"=")[: len(data) * 8 // 5]


def _dates(day: date) -> Iterator[tuple[str, str]]:
    """The day as it could be written."""
    forms = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d-%b-%Y"]
    forms += ["%d %B %Y", "%B %d, %Y", "%Y, %-m, %-d"]
    yield from ((form, day.strftime(form)) for form in forms)
    for calendar, year in (("buddhist", day.year + 543),):
        yield calendar, f"{day.day:02d}/{day.month:02d}/{year}"
