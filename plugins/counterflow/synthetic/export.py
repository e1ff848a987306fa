"""Files as missions send them: lines of a form's sources in, one export file out.

A sink takes lines in the order of the cases and answers with the line's place in its source
(1-based, blank rows counted, headers not). It holds at most one case in memory, so a mission of
any size streams. Nothing in a file depends on the clock: the same lines give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any, Protocol

from counterflow.synthetic.forms.base import Cell, Form, layout
from counterflow.synthetic.workbooks import open_book

IN_MEMORY = 16_000_000  # bytes of one member of an archive before it goes to disk
BLANK_AFTER_LONG = 50  # numbered blank rows below a workbook with more cases than the template


class Sink(Protocol):
    """Where the lines of one export go."""

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one line; its place in the source."""

    def blank(self, source: str) -> int | None:
        """Write an empty row, if the format has such a thing."""

    def close(self) -> list[int]:
        """Finish the file; places of the blank rows that its template adds to the case source."""


def open_sink(form: Form, path: Path) -> Sink:
    """The sink for the form's kind of file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if form.kind == "zip":
        return ZipSink(form, path)
    if form.kind in ("xlsx", "xls", "ods"):
        return WorkbookSink(form, path)
    if form.kind == "fixed":
        return FixedSink(form, path)
    if form.kind == "json":
        return JsonSink(form, path)
    return CsvSink(form, path)


class CsvSink:
    """One flat CSV."""

    def __init__(self, form: Form, path: Path) -> None:
        encoding = "ascii" if form.accents_lost else form.mission.encoding
        errors = "replace" if form.accents_lost else "strict"
        self.file = path.open("w", encoding=encoding, errors=errors, newline="")
        self.writer = csv.writer(self.file, delimiter=form.delimiter, lineterminator="\n")
        columns = form.sources["case"]
        if form.preamble:
            self.writer.writerow([form.preamble])
        if form.has_technical_row:
            self.writer.writerow([column.technical for column in columns])
        self.writer.writerow([column.header for column in columns])
        self.width = len(columns)
        self.rows = 0

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one row."""
        self.rows += 1
        self.writer.writerow(cells)
        return self.rows

    def blank(self, source: str) -> int | None:
        """Write a row of delimiters."""
        return self.line(source, [""] * self.width)

    def close(self) -> list[int]:
        """Close the file."""
        self.file.close()
        return []


class ZipSink:
    """Several CSVs in one archive, one a source."""

    def __init__(self, form: Form, path: Path) -> None:
        self.form, self.path = form, path
        self.spools: dict[str, IO[bytes]] = {}
        self.texts: dict[str, io.TextIOWrapper] = {}
        self.writers: dict[str, Any] = {}
        self.rows = dict.fromkeys(form.sources, 0)
        for source, columns in form.sources.items():
            spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
            text = io.TextIOWrapper(spool, encoding=form.mission.encoding, newline="")
            writer = csv.writer(text, delimiter=form.delimiter, lineterminator="\r\n")
            writer.writerow([column.header for column in columns])
            self.spools[source], self.texts[source], self.writers[source] = spool, text, writer

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one row to the source's file."""
        self.rows[source] += 1
        self.writers[source].writerow(cells)
        return self.rows[source]

    def blank(self, source: str) -> int | None:
        """Write a row of delimiters."""
        return self.line(source, [""] * len(self.form.sources[source]))

    def close(self) -> list[int]:
        """Pack the files, in the order of the form."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as archive:
            for source, text in self.texts.items():
                text.flush()
                spool = self.spools[source]
                spool.seek(0)
                info = zipfile.ZipInfo(self.form.files[source], date_time=(2010, 1, 4, 8, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    shutil.copyfileobj(spool, member, 1 << 20)
                text.close()
        return []


class JsonSink:
    """An object with a list of cases, each with lists of its parts."""

    def __init__(self, form: Form, path: Path) -> None:
        self.form = form
        self.file = path.open("w", encoding=form.mission.encoding)
        head = {"system": "Casebook 3.2", "mission": form.mission.code, "legal": "CONFIDENTIAL"}
        self.file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "cases": [')
        self.case: dict[str, Any] | None = None
        self.rows = dict.fromkeys(form.sources, 0)
        self.first = True

    def line(self, source: str, cells: list[Cell]) -> int:
        """Begin a case, or put a part into the one begun."""
        self.rows[source] += 1
        nested = self._nested(source, cells)
        if source == "case":
            self._flush()
            self.case = nested | {name: [] for name in self.form.files.values()}
        elif self.case is not None:
            self.case[self.form.files[source]].append(nested)
        return self.rows[source]

    def blank(self, source: str) -> int | None:
        """JSON has no blank rows."""
        return None

    def close(self) -> list[int]:
        """Close the list and the file."""
        self._flush()
        self.file.write("\n]}\n")
        self.file.close()
        return []

    def _nested(self, source: str, cells: list[Cell]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for column, cell in zip(self.form.sources[source], cells, strict=True):
            *folders, name = column.header.split(".")
            place = result
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = None if cell == "" else cell
        return result

    def _flush(self) -> None:
        if self.case is not None:
            self.file.write("\n" if self.first else ",\n")
            self.file.write(json.dumps(self.case, ensure_ascii=False))
            self.first = False


class WorkbookSink:
    """A workbook: hidden technical names and labels in the official one, a single header else."""

    def __init__(self, form: Form, path: Path) -> None:
        self.form = form
        self.book = open_book(form.kind, path)
        self.book.sheet(form.sheet)
        columns = form.sources["case"]
        if form.preamble:
            self.book.row([form.preamble])
        if form.pre_numbered:
            self.book.row([column.technical for column in columns], hidden=True)
        self.book.row([column.header for column in columns])
        self.width = len(columns)
        self.rows = 0

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one row; the template's first column is its printed number."""
        self.rows += 1
        self.book.row([self.rows, *cells[1:]] if self.form.pre_numbered else cells)
        return self.rows

    def blank(self, source: str) -> int | None:
        """Write an empty row, numbered in the template."""
        return self.line(source, [""] * self.width)

    def close(self) -> list[int]:
        """Number the template's blank rows, add its other sheets, close the workbook."""
        blanks = []
        if self.form.pre_numbered:
            missing = self.form.pre_numbered - self.rows
            for _ in range(missing if missing > 0 else BLANK_AFTER_LONG):
                blanks.append(self.line("case", [""] * self.width))
            self._lists()
        else:
            self.book.sheet("Notas")
            self.book.row(["Exportado del sistema de casos 1.1. No modificar."])
        self.book.close()
        return blanks

    def _lists(self) -> None:
        self.book.sheet("Read me")
        self.book.row(["Human Trafficking Case Data Standard, case template"])
        self.book.row(["One row per case. Choose from the lists; do not add columns."])
        self.book.sheet("Lists")
        columns = [("Country", list(self.form.countries.values()))]
        columns += [(name, list(held.values())) for name, held in self.form.lists.items()]
        self.book.row([name for name, _ in columns])
        for row in range(max(len(values) for _, values in columns)):
            self.book.row([values[row] if row < len(values) else "" for _, values in columns])


class FixedSink:
    """Text in columns of fixed width, one blank between them; names that are too long are cut."""

    def __init__(self, form: Form, path: Path) -> None:
        self.file = path.open("w", encoding=form.mission.encoding, newline="")
        columns = form.sources["case"]
        self.widths = [width for _, width in layout(form)]
        self._write([c.header[:w] for c, w in zip(columns, self.widths, strict=True)])
        self.rows = 0

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one line."""
        self.rows += 1
        self._write([str(cell) for cell in cells])
        return self.rows

    def blank(self, source: str) -> int | None:
        """Write a line of blanks."""
        return self.line(source, [""] * len(self.widths))

    def close(self) -> list[int]:
        """Close the file."""
        self.file.close()
        return []

    def _write(self, cells: list[str]) -> None:
        if any(len(cell) > width for cell, width in zip(cells, self.widths, strict=True)):
            raise ValueError("a cell is wider than its column")  # a mistake of the form's layout
        padded = (cell.ljust(width) for cell, width in zip(cells, self.widths, strict=True))
        self.file.write(" ".join(padded) + "\r\n")
