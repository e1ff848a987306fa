"""Which encoding a file is in, by evidence: its mark, its bytes, the letters it would hold.

In: bytes. Out: the likeliest encoding with its reason, and the alternatives with theirs. An eight-bit
encoding fits almost any bytes, so each is judged by what it makes of them: letters of one language
in whole words, or a mixture that nobody writes.
"""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from counterflow.onboarding import cldr

# The encodings of one byte a letter that exports came in, and the languages written in them.
_LANGUAGES = {
    "cp1252": "en fr es pt de it nl sv da nb fi is ca gl eu sw id ms sq",
    "cp1250": "pl cs sk hu sl hr bs ro sq de",
    "cp1251": "ru uk be bg mk sr kk ky tg",
    "cp1257": "lt lv et",
    "cp1253": "el",
    "cp1254": "tr az",
    "cp1255": "he",
    "cp1256": "ar fa ur",
    "cp1258": "vi",
    "cp874": "th",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "cp866": "ru be",
    "cp1125": "uk",
    "iso8859-5": "ru bg sr mk",
    "iso8859-6": "ar",
    "iso8859-2": "pl cs sk hu sl hr ro",
    "iso8859-13": "lt lv et",
    "mac-roman": "fr es de en",
    "cp850": "fr es pt de",
    "cp852": "pl cs hu ro",
}
_WORDS = re.compile(r"[^\W\d_]+")
_SEEN = 200_000  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Guess:
    """One encoding, how far the file speaks for it (0 to 1), why, and the language it would be."""

    encoding: str
    confidence: float
    reason: str
    language: str | None = None


def guess_encoding(data: bytes) -> list[Guess]:
    """The encodings that the bytes allow, the likeliest first; never empty."""
    marked = _marked(data)
    if marked is not None:
        return [marked]
    wide = _wide(data)
    if wide is not None:
        return [wide]
    if data.isascii():
        return [Guess("utf-8", 0.9, "only ASCII letters: most encodings would read it alike")]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3:
            found = sorted(_eight_bit(data), key=lambda g: -g.confidence)
            return found or [Guess("cp1252", 0.1, "no encoding that we know fits its bytes")]
    return [Guess("utf-8", 0.99, "its letters outside ASCII are whole sequences of UTF-8")]


def _marked(data: bytes) -> Guess | None:
    marks = (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    )
    for mark, name in marks:
        if data.startswith(mark):
            return Guess(name, 1.0, "it begins with the byte order mark")
    return None


def _wide(data: bytes) -> Guess | None:
    """UTF-16 without a mark: half the bytes of plain text are zero."""
    head = data[:4000]
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) > 8 and zeros.count(0) > 0.3 * len(zeros):
            return Guess(name, 0.95, "every other byte is zero, as in UTF-16 without a mark")
    return None


def _eight_bit(data: bytes) -> Iterator[Guess]:
    """The readings of the bytes that give text, each with the language it would be."""
    seen = data[:_SEEN]
    readings: dict[str, str] = {}
    for encoding in _LANGUAGES:
        try:
            text = seen.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text in readings.values():  # the same letters by another name
            continue
        readings[encoding] = text
        yield _judged(encoding, text)


def _judged(encoding: str, text: str) -> Guess:
    letters = Counter(c for c in text.casefold() if not c.isascii() and _is_text(c))
    others = sum(1 for c in text if not c.isascii() and not _is_text(c) and c not in "–—«»„“”’‘…№°")
    total = sum(letters.values())
    if not total:
        return Guess(encoding, 0.02, "what is outside ASCII would be signs, not letters")
    odd = _odd_words(text) / total
    best, language = 0.0, None
    for name in _LANGUAGES[encoding].split():
        own = _own_letters(name)
        share = sum(n for c, n in letters.items() if c in own) / total
        # a language whose letters all occur is better told than one of which a part would do
        met = len(own & set(letters)) / max(len(own), 1)
        if share + 0.05 * met > best:
            best, language = share + 0.05 * met, name
    share = min(best, 1.0)
    score = max(0.0, share - 2 * odd - others / (total + others)) * 0.95
    if language is None:
        return Guess(encoding, 0.02, "no language that is written in it has these letters")
    reason = f"{min(share, 1):.0%} of its letters outside ASCII are those of {cldr.language_name(language)}"
    return Guess(encoding, round(score, 3), reason, language)


def _own_letters(language: str) -> frozenset[str]:
    own = cldr.alphabet(language)
    return own | frozenset("şţ") if language == "ro" else own


def _is_text(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def _odd_words(text: str) -> int:
    """Words that mix scripts or have a capital after a small letter outside ASCII."""
    odd = 0
    for word in _WORDS.findall(text):
        if word.isascii():
            continue
        scripts = {unicodedata.name(c, "?").partition(" ")[0] for c in word}
        if len(scripts) > 1 or any(
            a.islower() and b.isupper() and not b.isascii() for a, b in itertools.pairwise(word)
        ):
            odd += 1
    return odd
