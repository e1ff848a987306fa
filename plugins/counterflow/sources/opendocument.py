"""What a workbook of OpenDocument (.ods) claims to hold, told before it is laid out.

In: the bytes of its `content.xml`. Out: an `Extent` per sheet. A cell, a row and a blank can each
say that they are repeated a million times. Damage is a ValueError.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from counterflow.sources.extent import Extent

_NS = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _ROW = f"{_NS}table:1.0 table", f"{_NS}table:1.0 table-row"
_CELLS = (f"{_NS}table:1.0 table-cell", f"{_NS}table:1.0 covered-table-cell")
_ROWS_REPEATED = f"{_NS}table:1.0 number-rows-repeated"
_COLUMNS_REPEATED = f"{_NS}table:1.0 number-columns-repeated"
_VALUE_TYPE, _BLANKS = f"{_NS}office:1.0 value-type", f"{_NS}text:1.0 s"
_BLANKS_REPEATED = f"{_NS}text:1.0 c"


def extents(content: bytes) -> list[Extent]:
    """The sheets of the document, in order. Raises ValueError where it is malformed."""
    measure = _Measure()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = measure.start, measure.end
    parser.CharacterDataHandler = measure.text
    parser.EntityDeclHandler = measure.entity
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, RecursionError) as error:
        raise ValueError("the document is malformed") from error
    return measure.sheets


class _Measure:
    """Counts rows and columns up to the farthest filled cell, without laying anything out."""

    def __init__(self) -> None:
        self.sheets: list[Extent] = []
        self._row = self._column = self._written = self._letters = 0
        self._repeated = self._row_repeated = 1
        self._filled = self._in_cell = False

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        """An element begins."""
        if name == _TABLE:
            self.sheets.append(Extent())
            self._row = 0
        elif name == _ROW:
            self._row_repeated = _count(attributes.get(_ROWS_REPEATED))
            self._column = self._written = 0
            self._filled = False
        elif name in _CELLS:
            self._in_cell, self._filled = True, _VALUE_TYPE in attributes
            self._repeated = _count(attributes.get(_COLUMNS_REPEATED))
            self._letters = sum(len(str(value)) for value in attributes.values())
        elif name == _BLANKS:
            self._letters += _count(attributes.get(_BLANKS_REPEATED))

    def text(self, letters: str) -> None:
        """Text between two tags."""
        if self._in_cell:
            self._letters += len(letters)
            self._filled = True

    def end(self, name: str) -> None:
        """An element ends."""
        if name in _CELLS:
            self._column += self._repeated
            if self._filled and self.sheets:
                self._written = self._column
                self.sheets[-1].text += 3 * self._letters * self._repeated * self._row_repeated
            self._in_cell = self._filled = False
        elif name == _ROW and self.sheets:
            self._row += self._row_repeated
            if self._written:
                self.sheets[-1].rows = self._row
                self.sheets[-1].columns = max(self.sheets[-1].columns, self._written)

    def entity(self, *_: Any) -> None:
        """A document that defines its own entities is an attack or an accident."""
        raise ValueError("the document defines entities")


def _count(value: str | None) -> int:
    if value is None:
        return 1
    if not value.isdecimal() or len(value) > 12:
        raise ValueError("a number of repetitions is none")
    return max(int(value), 1)
