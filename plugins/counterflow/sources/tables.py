"""What every reader hands on: a text table, and the checks and names that all formats share.

In: labels and columns of a format's reader. Out: `TextTable`; refusals of what is too much.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from counterflow.contracts import Contract
from counterflow.contracts.model import Header, Limits
from counterflow.sources.errors import Refused
from counterflow.text import clean, fold, undamaged

HEADER_SEARCH = 20  # rows in which a header is looked for: sentences may stand above it
_SENTENCE = 60  # a first header cell longer than this is text, not a name


@dataclass(slots=True)
class TextTable:
    """One source: header names and columns of strings, all of one length.

    `labels` (and `technical`, or None) have one entry per column; `notes` are signals (kind,
    detail, rows). `places`: of each row its place in the file, None if all of it is here.
    """

    labels: list[str]
    technical: list[str] | None
    columns: list[pa.Array]
    notes: list[tuple[str, str, int]] = field(default_factory=list)
    places: npt.NDArray[np.int64] | None = None

    @property
    def rows(self) -> int:
        """How many data rows were read, blank ones included."""
        return len(self.columns[0]) if self.columns else 0


class Names:
    """The headers that the contract knows of one source, and how a damaged one is told.

    `accents`: with `lost` a header is the one name of the contract that it was before `?` stood for
    its letters; with `garbled` its letters are put together again. A doubtful one stays as it is.
    """

    def __init__(
        self, wanted: Iterable[str], accents: str = "kept", places: Iterable[int] = ()
    ) -> None:
        self.wanted, self.accents = set(wanted), accents
        self.known = {fold(label) for label in self.wanted}
        self.places = frozenset(places)  # columns that are known by their place, whatever they say

    @classmethod
    def of(cls, contract: Contract, source: str) -> Names:
        """The names that stand anywhere in the contract for columns of `source`."""
        found: list[Header] = []
        for name, table in contract.tables.items():
            if name != source and (table.own_rows or source != "case"):
                continue
            found += [*(table.key or []), *table.personal, *table.ignored, *table.read_headers]
        if source == "case":
            consent = contract.consent.research
            found += [h for h in (consent.from_, consent.withdrawn) if h is not None]
        labels = (header.label for header in found if header.label)
        places = (header.position for header in found if header.position)
        return cls(labels, contract.source.accents, places)

    def whole(self, label: str) -> str:
        """The label as the contract writes it, if it is damaged and there is no doubt."""
        if self.accents == "garbled":
            return ungarbled(label)
        if self.accents == "lost" and fold(label) not in self.known:
            return undamaged(label, self.wanted) or label
        return label

    def repair(self, labels: list[str]) -> tuple[list[str], list[tuple[str, str, int]]]:
        """The labels without damage, and a note of how many were damaged."""
        found = [clean(self.whole(label)) for label in labels]
        count = sum(a != clean(b) for a, b in zip(found, labels, strict=True))
        return found, ([("accents_lost", f"{count} headers were damaged", count)] if count else [])

    def fits(self, row: list[str]) -> int:
        """How many names of the contract stand in a row."""
        return len({fold(self.whole(cell)) for cell in row} & self.known)

    def header_row(self, rows: list[list[str]], wanted: int) -> int:
        """Index of the header among the first rows: where the contract says, or where it fits best."""
        if not rows:
            raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
        best = max(range(len(rows)), key=lambda i: (self.fits(rows[i]), -i))
        stated = rows[min(wanted, len(rows) - 1)]
        return best if self.fits(rows[best]) > self.fits(stated) else wanted


def ungarbled(text: str) -> str:
    """Text of UTF-8 that was read in another encoding and saved so, put right."""
    if text.isascii():
        return text
    from ftfy import fix_encoding

    return str(fix_encoding(text))


def ungarble(table: TextTable) -> None:
    """Put the cells of a table right in place, and note how many there were."""
    count = 0
    for place, column in enumerate(table.columns):
        encoded = column.dictionary_encode()
        before = encoded.dictionary.to_pylist()
        after = [ungarbled(value) for value in before]
        changed = pa.array([a != b for a, b in zip(after, before, strict=True)], pa.bool_())
        if not pc.any(changed).as_py():
            continue
        count += pc.sum(changed.take(encoded.indices)).as_py() or 0
        table.columns[place] = pa.array(after, pa.string()).take(encoded.indices)
    if count:
        table.notes.append(("accents_lost", "garbled cells, put right", count))


def padded(technical: Iterable[str] | None, width: int) -> list[str] | None:
    """The technical names, as many as there are columns; None if the file has no row of them."""
    if technical is None:
        return None
    names = [clean(name) for name in technical]
    return (names + [""] * width)[:width]


def preamble(shift: int) -> list[tuple[str, str, int]]:
    """A note of rows above the header."""
    notes = [("preamble", f"{shift} rows above the header", 1)]
    return notes if shift > 0 else []


def technical_row(rows: list[list[str]], at: int) -> list[str]:
    """The row of technical names, which must be there if the contract says so."""
    if not 0 <= at < len(rows):
        raise Refused(
            "no_header",
            "the row of technical names is missing above the labels",
            "Ask the mission to export with it, or correct `source.header`",
        )
    return rows[at]


def check_header(labels: list[str], names: Names, delimiter: str, limits: Limits) -> None:
    """Refuse what is no header of the contract's: too wide, empty, in one cell, or a sentence."""
    if len(labels) > limits.columns:
        raise Refused(
            "too_many_columns",
            f"the header has {len(labels)} columns, the contract allows {limits.columns}",
            "Check the delimiter, or raise `source.limits.columns`",
        )
    if not labels:
        raise Refused(
            "no_header", "the header is an empty line", "Ask the mission to export as before"
        )
    if len(labels) == 1 and len(names.known) > 1:
        others = [d for d in ",;\t|" if d != delimiter and d in labels[0]]
        hint = f"; the header holds {others[0]!r}" if others else ""
        raise Refused(
            "wrong_delimiter",
            f"the header has one column with the delimiter {delimiter!r}{hint}",
            "Correct `source.delimiter`, or ask the mission to export as before",
        )
    stated = 1 in names.places or fold(names.whole(labels[0])) in names.known
    if len(labels[0]) > _SENTENCE and not stated:
        raise Refused(
            "sentence_header",
            "the first header cell is a sentence, so the name of the first column is not known",
            "Ask the mission to export without it, or name the column by `position: 1`",
        )


def check_columns(columns: list[pa.Array], limits: Limits) -> None:
    """Refuse too many rows and too large cells."""
    if columns and len(columns[0]) > limits.rows:
        raise too_many_rows(limits)
    for column in columns:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > limits.cell:
            raise too_large_cell(limits)


def too_large_cell(limits: Limits) -> Refused:
    """The refusal of an enormous cell."""
    return Refused(
        "cell_too_large",
        f"a cell is larger than {limits.cell} bytes, or a quotation mark is never closed",
        "Ask the mission to look at its longest cells; raise `source.limits.cell` if they are right",
    )


def too_many_rows(limits: Limits) -> Refused:
    """The refusal of a table that is too long."""
    return Refused(
        "too_many_rows",
        f"there are more than {limits.rows} rows",
        "Ask the mission what changed, or raise `source.limits.rows`",
    )
