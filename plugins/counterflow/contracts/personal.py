"""Whether a contract takes for harmless what its name says is a person's.

In: a loaded contract; the standard's names of fields that the register of sensitivity calls direct identifiers, and the
words for names, telephones, documents, addresses and birth dates of every language that we know
(`onboarding/words.yml`). Out: an error for each column of such a name that is mapped, kept as a local attribute or
ignored instead of being listed under `personal`.

A name may only look so (`STATE` of a service is no place). Then the contract says why, under the table's `not_personal`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import yaml

from counterflow import sensitivity, standard
from counterflow.contracts.errors import ContractError
from counterflow.contracts.fields import At, placed_columns
from counterflow.contracts.model import Header, Table
from counterflow.settings import PROJECT
from counterflow.text import plain

if TYPE_CHECKING:
    from counterflow.contracts.load import Loaded

_WORDS = PROJECT / "plugins" / "counterflow" / "onboarding" / "words.yml"
_PERSONAL = "what tells who a person is"
_BIRTH = "a date of birth"
_TEXT = "free text, which may name anybody"
_CURE = {
    _PERSONAL: "list it under `personal`",
    _BIRTH: "make an age band of it under `becomes`, or list it under `personal`",
    _TEXT: "list it under `personal`, or under `ignore` as free text",
}


def errors(loaded: Loaded) -> Iterator[ContractError]:
    """Columns whose name says that they are personal, and that are taken for harmless."""
    for name, table in loaded.contract.tables.items():
        for at, header, harmless in _taken(name, table):
            found = looks_personal(header)
            if found is None or found in harmless or _excused(table, header):
                continue
            problem = (
                f"a column called `{header}` usually holds {found}: {_CURE[found]}; if it only looks so, say why "
                f"under `tables.{name}.not_personal`"
            )
            yield loaded.error(at, problem)


def warnings(loaded: Loaded) -> Iterator[ContractError]:
    """Excuses of columns that need none."""
    for name, table in loaded.contract.tables.items():
        named = {
            text
            for _, header, _ in _taken(name, table)
            if looks_personal(header)
            for text in (header.label, header.technical)
        }
        for label in table.not_personal:
            if label not in named:
                at = ("tables", name, "not_personal", label)
                yield loaded.error(at, "no column that is read or ignored here is called like that")


def _taken(name: str, table: Table) -> Iterator[tuple[At, Header, tuple[str, ...]]]:
    """Every column that is read or ignored: where, its header, and what it may be there."""
    for at, _, column in placed_columns(name, table):
        if column.from_ is not None:
            # what `becomes` takes is personal: it is made into something coarser and dropped
            harmless = (_PERSONAL, _BIRTH) if at[2] == "becomes" else ()
            yield at, column.from_, harmless
    for item, header in table.each.items():
        yield ("tables", name, "each", item), header, ()
    for one, local in table.local.items():
        yield ("tables", name, "local", one), local.from_, ()
    dropped = {str(header) for header in table.personal}  # of what is in both lists `check` tells
    for label, header in zip(table.ignore, table.ignored, strict=True):
        if label not in dropped:
            yield ("tables", name, "ignore", label), header, (_TEXT,)


def _excused(table: Table, header: Header) -> bool:
    return header.label in table.not_personal or header.technical in table.not_personal


def looks_personal(header: Header) -> str | None:
    """What a column of this name is, if that is personal: by its label, its technical name or the last part of either.

    A label that the standard has for a field that lands decides alone: the standard's own template has technical names that stand
    shifted by a column or two.
    """
    if header.label is not None and plain(header.label) in _landing_labels():
        return None
    for name in (header.label, header.technical):
        for text in (name, name.rpartition(".")[2]) if name else ():
            found = _called(plain(text))
            if found:
                return found
    return None


@lru_cache(maxsize=20_000)
def _called(name: str) -> str | None:
    known, anywhere = _dictionary()
    if name in known:
        return known[name]
    words = name.split()
    for term, found in anywhere.items():
        length = len(term)
        if any(tuple(words[i : i + length]) == term for i in range(len(words) - length + 1)):
            return found
    return None


@lru_cache(maxsize=1)
def _landing_labels() -> frozenset[str]:
    """Labels of the standard's fields that land as they are, and of no field that is dropped."""
    ways: dict[str, set[str]] = {}
    for row in standard.rows():
        if row.field:
            way = sensitivity.entry(sensitivity.STANDARD, row.field).way
            ways.setdefault(plain(row.label), set()).add(way)
    return frozenset(label for label, found in ways.items() if found == {"kept"})


@lru_cache(maxsize=1)
def _dictionary() -> tuple[dict[str, str], dict[tuple[str, ...], str]]:
    """Whole names → what they are, and terms that say so wherever they stand in a name."""
    known: dict[str, str] = {}
    for row in standard.rows():
        if row.field and sensitivity.entry(sensitivity.STANDARD, row.field).way == "dropped":
            what = _TEXT if row.type == "Long Text" else _PERSONAL
            known |= {plain(row.label): what, plain(row.field): what}
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    words = yaml.load(_WORDS.read_text("utf-8"), Loader=loader)  # noqa: S506 - our own file, all words
    for what, listed in (
        (_TEXT, words["headers"]["notes"]),
        (_PERSONAL, words["headers"]["personal"]),
        (_BIRTH, words["headers"]["birth"]),
    ):
        known |= {plain(word): what for word in listed.split(",")}
    anywhere = {
        tuple(plain(word).split()): what
        for what, listed in (
            (_PERSONAL, words["anywhere"]["personal"]),
            (_BIRTH, words["anywhere"]["birth"]),
        )
        for word in listed.split(",")
    }
    known.pop("", None)
    anywhere.pop((), None)
    return known, anywhere
