"""Spreadsheets of three kinds, written row by row: `.xlsx`, `.xls` and `.ods`.

In: rows of cells. Out: one file whose bytes do not depend on the clock.
"""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter
import xlwt

CREATED = datetime(2010, 1, 4, 8, 0)
EPOCH = (2010, 1, 4, 8, 0, 0)


class Book(Protocol):
    """A workbook that is written from its first sheet to its last, row by row."""

    def sheet(self, name: str) -> None:
        """Begin the next sheet."""

    def row(self, cells: list[Any], hidden: bool = False) -> None:
        """Write the next row."""

    def close(self) -> None:
        """Write the file."""


def open_book(kind: str, path: Path) -> Book:
    """A book of that kind."""
    if kind == "xls":
        return Xls(path)
    return Ods(path) if kind == "ods" else Xlsx(path)


class Xlsx:
    """A workbook of today."""

    def __init__(self, path: Path) -> None:
        self.book = xlsxwriter.Workbook(
            str(path),
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
             "default_date_format": "dd/mm/yyyy"},
        )  # fmt: skip
        self.book.set_properties({"created": CREATED, "title": "Cases"})

    def sheet(self, name: str) -> None:
        """Begin the next sheet."""
        self.page, self.next = self.book.add_worksheet(name), 0

    def row(self, cells: list[Any], hidden: bool = False) -> None:
        """Write the next row."""
        if hidden:
            self.page.set_row(self.next, None, None, {"hidden": True})
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                self.page.write_datetime(self.next, column, datetime(*cell.timetuple()[:3]))
            elif isinstance(cell, int):
                self.page.write_number(self.next, column, cell)
            elif cell:
                self.page.write_string(self.next, column, str(cell))
        self.next += 1

    def close(self) -> None:
        """Write the file."""
        self.book.close()


class Xls:
    """A workbook of before 2007."""

    def __init__(self, path: Path) -> None:
        self.path, self.book = path, xlwt.Workbook(encoding="utf-8")
        self.day = xlwt.easyxf(num_format_str="DD/MM/YYYY")

    def sheet(self, name: str) -> None:
        """Begin the next sheet."""
        self.page, self.next = self.book.add_sheet(name), 0

    def row(self, cells: list[Any], hidden: bool = False) -> None:
        """Write the next row."""
        if hidden:
            self.page.row(self.next).hidden = True
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                self.page.write(self.next, column, datetime(*cell.timetuple()[:3]), self.day)
            elif cell or isinstance(cell, int):
                self.page.write(self.next, column, cell if isinstance(cell, int) else str(cell))
        self.next += 1

    def close(self) -> None:
        """Write the file."""
        self.book.save(str(self.path))


ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
ODS_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in (("office", "office"), ("table", "table"), ("text", "text"))
)
ODS_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
    'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS_TYPE}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)


class Ods:
    """A workbook of OpenDocument; written by hand, as a library would take a minute for it."""

    def __init__(self, path: Path) -> None:
        self.path, self.text, self.begun = path, StringIO(), False
        self.text.write(
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {ODS_SPACES} '
            'office:version="1.2"><office:body><office:spreadsheet>'
        )

    def sheet(self, name: str) -> None:
        """Begin the next sheet."""
        self.text.write("</table:table>" if self.begun else "")
        self.text.write(f"<table:table table:name={quoteattr(name)}>")
        self.begun = True

    def row(self, cells: list[Any], hidden: bool = False) -> None:
        """Write the next row."""
        seen = ' table:visibility="collapse"' if hidden else ""
        self.text.write(f"<table:table-row{seen}>")
        empty = 0
        for cell in cells:
            if cell is None or cell == "":
                empty += 1
                continue
            self._skip(empty)
            empty = 0
            self.text.write(self._cell(cell))
        self._skip(empty)
        self.text.write("</table:table-row>")

    def close(self) -> None:
        """Write the file."""
        self.text.write("</table:table></office:spreadsheet></office:body>")
        self.text.write("</office:document-content>")
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, held in (("mimetype", ODS_TYPE), ("META-INF/manifest.xml", ODS_MANIFEST),
                               ("content.xml", self.text.getvalue())):  # fmt: skip
                info = zipfile.ZipInfo(name, date_time=EPOCH)
                info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else 8
                archive.writestr(info, held.encode())

    def _skip(self, cells: int) -> None:
        if cells:
            self.text.write(f'<table:table-cell table:number-columns-repeated="{cells}"/>')

    def _cell(self, cell: Any) -> str:
        if isinstance(cell, date):
            kind = f'office:value-type="date" office:date-value="{cell.isoformat()}"'
        elif isinstance(cell, int):
            kind = f'office:value-type="float" office:value="{cell}"'
        else:
            kind = 'office:value-type="string"'
        said = cell.strftime("%d/%m/%Y") if isinstance(cell, date) else str(cell)
        return f"<table:table-cell {kind}><text:p>{escape(said)}</text:p></table:table-cell>"
