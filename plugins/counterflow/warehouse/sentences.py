"""Whether a sentence is one of our own making: `quality.load.message`, `quality.issue.detail`.

In: a sentence, the words that our program's messages are made of, and what contracts say. Out: yes or no. A
sentence is ours if every word outside backticks is a word of a message of the program (or a mission, a desk, a connection, a
file of the contracts), and everything inside backticks stands in the contracts or in a message of the program. What somebody typed into
an export is neither.

The words are read from the source of the modules that write messages, so that a new message needs no list to be kept.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from counterflow.settings import PROJECT
from counterflow.text import clean, fold

_PACKAGE = PROJECT / "plugins" / "counterflow"
_WRITERS = (
    "*.py",
    "contracts/*.py",
    "sources/*.py",
    "validation/*.py",
    "warehouse/contract_signals.py",
    "warehouse/sources.py",
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_PIECE = re.compile(r"\w+")
_QUOTED = re.compile(r"`([^`]*)`")
# A fault of the program is told by the class of the exception and its place in our code.
_FAULT = re.compile(r"\(?(?P<name>[A-Za-z_]+) at (?:[A-Za-z_0-9]+\.py:\d+|unknown place)\)?")
_HEX = re.compile(r"(?<![0-9A-Za-z])#?[0-9a-f]{8,64}(?![0-9A-Za-z])")
_LONGEST = 2_000

_DOCSTRING = re.compile(r'"""[\s\S]*?"""')
_COMMENT = re.compile(r"(?m)^\s*#.*$|  # .*$")
_LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_SLOT = re.compile(r"{[^{}]*}")


@dataclass(frozen=True, slots=True)
class Said:
    """What contracts may add to a sentence: their whole text, folded, and the words of desks, connections and files."""

    text: str
    names: frozenset[str]
    has_ticks: bool = False  # some code or label holds the mark that we quote with

    def holds(self, quoted: str) -> bool:
        """Whether the quoted text stands in a contract, not as a part of a longer word."""
        wanted = _folded(quoted)
        place = self.text.find(wanted) if wanted else -1
        while place >= 0:
            end = place + len(wanted)
            if not (_joined(self.text, place) or _joined(self.text, end)):
                return True
            place = self.text.find(wanted, place + 1)
        return False


def _joined(text: str, place: int) -> bool:
    """Whether a word runs over this place."""
    return text[max(place - 1, 0) : place].isalnum() and text[place : place + 1].isalnum()


def said(missions: Path) -> Said:
    """What the contracts of a folder, their dialects and code lists say."""
    paths = sorted(missions.rglob("*.yml"))
    texts = [path.read_text("utf-8") for path in paths]
    named = [path.name for path in paths]
    for text in texts:
        named += re.findall(r"^\s*(?:steward|connection|mission): *(.+)$", text, re.M)
    names = frozenset(word.casefold() for name in named for word in _PIECE.findall(name))
    has_ticks = any("`" in _COMMENT.sub("", text) for text in texts)
    return Said("\n".join(map(_folded, texts)), names, has_ticks)


@lru_cache(maxsize=512)
def _folded(text: str) -> str:
    """A text with quotation marks and line ends as blanks: YAML doubles the ones, and folds a scalar over lines."""
    return fold(re.sub(r"[\"'`\n\\]+", " ", text))


@lru_cache(maxsize=1)
def program_words() -> frozenset[str]:
    """Every word of the texts that our program writes, folded: its messages, reasons and cures."""
    words: set[str] = set()
    for pattern in _WRITERS:
        for path in sorted(_PACKAGE.glob(pattern)):
            for text in _literals(path.read_text("utf-8")):
                words.update(word.casefold() for word in _WORD.findall(text))
    for path in sorted((PROJECT / "expectations").glob("*.json")):
        for text in _strings(json.loads(path.read_text("utf-8"))):
            words.update(word.casefold() for word in _WORD.findall(text))
    return frozenset(words)


def _literals(source: str) -> Iterator[str]:
    """The quoted texts of a module, without docstrings, comments and the slots of f-strings."""
    code = _COMMENT.sub("", _DOCSTRING.sub("", source))
    for literal in _LITERAL.findall(code):
        yield _SLOT.sub(" ", literal)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def ours(text: str, contracts: Said | None, names: Collection[str] = ()) -> bool:
    """Whether `text` is made of the program's words and of what contracts say.

    Without contracts (they may have changed since) what is quoted is only held to its length. `names` are words
    that may stand anywhere: codes of missions, their desks, tables and fields.
    """
    if len(text) > _LONGEST:
        return False
    known = program_words()
    if (
        contracts is not None
        and contracts.has_ticks
        and (text.count("`") % 2 or _QUOTED.search(text))
    ):
        # a code may hold a mark itself: then no mark tells where what is quoted ends
        words = _WORD.findall(_HEX.sub(" ", text))
        if all(
            w.casefold() in known or w.casefold() in contracts.names or contracts.holds(w)
            for w in words
        ):
            return True
    if text.count("`") % 2:
        return False
    for quoted in _QUOTED.findall(text):
        if contracts is None:
            if len(quoted) > 200:
                return False
        elif not (contracts.holds(clean(quoted)) or _made_of(quoted, known)):
            return False
    rest = _QUOTED.sub(" ", text)
    rest = _HEX.sub(" ", _FAULT.sub(lambda m: " " if _exception(m["name"]) else m[0], rest))
    allowed = {name.casefold() for name in names}
    if contracts is not None:
        allowed |= contracts.names
    for word in _WORD.findall(rest):
        folded = word.casefold()
        if folded in known or folded in allowed:
            continue
        if contracts is not None and "contract cannot be used" in text and contracts.holds(folded):
            continue  # a fault of a contract is told in its own keys
        return False
    return True


def _made_of(quoted: str, known: Collection[str]) -> bool:
    """A key of the contract language, as `source.limits.rows`, `position: 1` or `source.trimmed: true`: words of the
    program, not joined by blanks.
    """
    words, joined = _WORD.findall(quoted), re.sub(r": (?=(?:\d+|true|false)\b)", ":", quoted)
    return bool(words) and " " not in joined and all(word.casefold() in known for word in words)


def _exception(name: str) -> bool:
    """The name of a class of exceptions: a built-in one, one that ends as they do, or words run together."""
    kind = getattr(builtins, name, None)
    ends = ("Error", "Exception", "Refused", "Failed", "Timeout", "error")
    return (
        isinstance(kind, type)
        or name.endswith(ends)
        or re.fullmatch(r"_?[A-Z]+[a-z]+(?:[A-Z]+[a-z]*)+", name) is not None
    )
