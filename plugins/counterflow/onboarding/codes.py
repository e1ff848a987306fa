"""Which code list a column uses: a committed one whole, a language's names of countries, or words.

In: a profile, a list of the standard, the lexicon. Out: `CodesFit`: how much of the column it explains
and what is left over. Only whole lists and values that may be shown go into a draft.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from counterflow.onboarding import cldr
from counterflow.onboarding.lexicon import CodeGuess, KnownList, Lexicon
from counterflow.onboarding.shapes import Profile
from counterflow.text import fold
from counterflow.values import split_list

_DELIMITERS = ("; ", ", ", "|", "/", " ", "،", "\n")


@dataclass(slots=True, repr=False)
class CodesFit:
    """How a list of the standard explains a column. `share` is of its cells that hold an answer."""

    code_list: str
    share: float = 0.0
    known: KnownList | None = None  # a whole list
    language: str | None = None  # names of countries in this language
    words: dict[str, CodeGuess] = field(default_factory=dict)  # shown value → guess
    unknown: list[tuple[str, int]] = field(default_factory=list)  # shown value, holders
    hidden: tuple[int, int] = (0, 0)  # values and rows that are neither known nor may be shown
    many: str | None = None
    missing: list[str] = field(default_factory=list)  # shown values that say: not answered

    @property
    def reason(self) -> str:
        """Where the codes come from."""
        if self.known is not None:
            return f"{self.share:.0%} of its answers are codes of {self.known.origin}"
        if self.language is not None:
            return f"{self.share:.0%} of its answers are names of countries in {cldr.language_name(self.language)}"
        return f"{self.share:.0%} of its answers are words for {self.code_list}"


def fit_codes(found: Profile, code_list: str, lexicon: Lexicon, several: bool) -> CodesFit:
    """The best explanation of a column's values by one list of the standard."""
    answered = {v: n for v, n in found.values.items() if not _is_missing(lexicon, v, code_list)}
    rows = sum(answered.values())
    if not rows:
        return CodesFit(code_list)
    best = CodesFit(code_list)
    candidates = [one for one in lexicon.lists if one.code_list == code_list]
    for known in candidates:
        share, many = _share(answered, frozenset(known.codes), several, found.many, deep=True)
        better = share > best.share + 0.001
        equal = abs(share - best.share) <= 0.001 and best.known is not None
        if better or (equal and known.shared and best.known and not best.known.shared):
            best = CodesFit(code_list, share, known, many=many)
    if code_list == "country" and best.share < 0.999:
        cells = {fold(v) for v in answered}
        for language, names in _countries().items():
            if not cells & names and not found.many:
                continue
            share, many = _share(answered, names, several, found.many)
            if share > best.share + 0.02:
                best = CodesFit(code_list, share, None, language, many=many)
    words, worded = _words(answered, code_list, lexicon, found, several)
    if worded > best.share + 0.1 or (best.share < 0.5 and worded > best.share):
        best = CodesFit(code_list, worded, many=found.many if several else None)
    if best.known is None and best.language is None and code_list == "country":
        best.words = {}
    _leftover(best, found, words, lexicon)
    return best


@functools.cache
def _countries() -> dict[str, frozenset[str]]:
    return {language: frozenset(cldr.folded_countries(language)) for language in cldr.languages()}


def _is_missing(lexicon: Lexicon, value: str, code_list: str) -> bool:
    """Missing, unless the list itself has the word (0 is no, 9 a channel, NA a country)."""
    if not lexicon.is_missing(value):
        return False
    name = fold(value)
    whole = [one for one in lexicon.lists if one.code_list == code_list]
    return not (len(name) < 3 and any(name in one.codes for one in whole))


def _share(
    answered: Mapping[str, int],
    known: frozenset[str],
    several: bool,
    many: str | None,
    deep: bool = False,
) -> tuple[float, str | None]:
    """Share of the rows whose cell (or whose every item) the list knows, and the delimiter used."""
    rows = sum(answered.values())
    plain = sum(n for v, n in answered.items() if fold(v) in known)
    if not several or plain == rows:
        return plain / rows, None
    left = {v: n for v, n in answered.items() if fold(v) not in known}
    if plain < 0.2 * rows and many is None and not deep:
        return plain / rows, None
    best, used = 0.0, None
    for delimiter in [d for d in (many, *_DELIMITERS) if d]:
        if not _promising(list(left)[:30], delimiter, known):
            continue
        whole = 0.0
        for value, count in left.items():
            if delimiter.strip() and delimiter.strip() not in value:
                continue
            items = split_list(value, delimiter, known)
            whole += count * sum(1 for i in items if i in known) / max(len(items), 1)
        if whole > best:
            best, used = whole, delimiter
    return (plain + best) / rows, used


def _promising(values: list[str], delimiter: str, known: frozenset[str]) -> bool:
    """Whether some of the values begin or end with a code of the list."""
    mark = delimiter.strip() or delimiter
    ends = [part for v in values for part in (v.partition(mark)[0], v.rpartition(mark)[2])]
    return any(fold(part) in known for part in ends) or len(mark.strip()) == 0


def _words(
    answered: Mapping[str, int], code_list: str, lexicon: Lexicon, found: Profile, several: bool
) -> tuple[dict[str, CodeGuess], float]:
    """What single words would mean, and the share of rows (or items) that they explain."""
    items = found.items if several and found.many else dict(answered)
    guesses = {v: g for v in items if (g := lexicon.code(code_list, v)) is not None}
    total = sum(items.values())
    return guesses, sum(items[v] * (g.score > 0.7) for v, g in guesses.items()) / max(total, 1)


def _leftover(
    best: CodesFit, found: Profile, words: Mapping[str, CodeGuess], lexicon: Lexicon
) -> None:
    """What the whole list does not explain: guessed, shown as unknown, or only counted."""
    counted = found.items if best.many and found.items else found.values
    known = best.known.codes if best.known is not None else {}
    names = cldr.folded_countries(best.language) if best.language else {}
    shown = dict(found.shown)
    hidden: list[int] = []
    for value, rows in counted.items():
        if fold(value) in known or fold(value) in names:
            continue
        if best.many and _splits(value, best.many, frozenset(known) | frozenset(names)):
            continue
        if _is_missing(lexicon, value, best.code_list):
            if value in shown:
                best.missing.append(value)
        elif value in shown and value in words:
            best.words[value] = words[value]
        elif value in shown:
            best.unknown.append((value, shown[value]))
        else:
            hidden.append(rows)
    best.hidden = (len(hidden), sum(hidden))


def _splits(value: str, many: str, known: frozenset[str]) -> bool:
    return all(item in known for item in split_list(value, many, known))
