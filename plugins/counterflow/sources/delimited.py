"""Delimited text: a CSV file in, a `TextTable` out, or its cells in batches where it is too large to be held.

The fast parser reads it first. Where rows are odd (ragged, or a quotation mark inside a cell) all of it is read
by the exact one, which tells what is wrong. Both ways of reading give the same cells and refusals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from counterflow.contracts.model import Limits, Source, Table
from counterflow.sources.decode import decode
from counterflow.sources.errors import Refused
from counterflow.sources.extent import check_cells
from counterflow.sources.tables import (
    HEADER_SEARCH,
    Names,
    TextTable,
    check_columns,
    check_header,
    padded,
    preamble,
    technical_row,
    too_large_cell,
    too_many_rows,
)

_HEAD = 1 << 20  # characters in which the header is looked for
_BATCH = 20_000  # rows that the exact parser reads at once
_BLANK_LINES = ("\n\n", "\n\r\n", "\r\r")
Texts = Callable[
    [], Iterator[str]
]  # the text of a file from its beginning, in pieces, as often as asked
Cells = list[pa.Array]  # of some rows: one array a column


class OddRowsError(Exception):
    """The fast parser does not understand the file: what it gave until now is void."""


def read_csv(data: bytes, table: Table, source: Source, names: Names) -> TextTable:
    """The whole file. Raises Refused."""
    text = decode(data, source.encoding)
    head = _Head.of(text[:_HEAD], source, names)
    columns = _columns(text[head.end :], len(head.labels), source)
    return head.table(columns)


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands above the rows, and where they begin."""

    labels: list[str]
    technical: list[str] | None
    notes: list[tuple[str, str, int]]
    end: int  # characters

    @classmethod
    def of(cls, text: str, source: Source, names: Names) -> _Head:
        """The header among the first rows of `text`. Raises Refused."""
        head = _first_rows(text, source.delimiter, source.limits)
        rows, header = [row for row, _ in head], source.header
        label_at = names.header_row(rows, header.label - 1)
        if label_at >= len(head):
            raise Refused(
                "no_header", "the file ends before its header", "Ask the mission to export again"
            )
        labels, end = head[label_at]
        shift = label_at - (header.label - 1)
        technical = None
        if header.technical:
            at = header.technical - 1 + shift
            technical = technical_row(rows, at)
            end = max(end, head[at][1])
        check_header(labels, names, source.delimiter, source.limits)
        labels, notes = names.repair(labels)
        return cls(labels, padded(technical, len(labels)), preamble(shift) + notes, end)

    def table(self, columns: Cells) -> TextTable:
        """The table of these cells."""
        return TextTable(self.labels, self.technical, columns, self.notes)


@dataclass(slots=True)
class Delimited:
    """A file that is read in batches: first `fast`, and if that raises OddRowsError, all of it `exact`."""

    texts: Texts
    size: int  # bytes of the file
    source: Source
    head: _Head
    _quotes: int = field(default=0, init=False)

    @classmethod
    def of(cls, texts: Texts, size: int, source: Source, names: Names) -> Delimited:
        """The file, its header read. Raises Refused."""
        start = ""
        for piece in texts():
            start += piece
            if len(start) >= _HEAD:
                break
        return cls(texts, size, source, _Head.of(start[:_HEAD], source, names))

    def empty(self) -> TextTable:
        """The table without rows: labels, technical names, notes."""
        return self.head.table([pa.array([], pa.string()) for _ in self.head.labels])

    def fast(self) -> Iterator[Cells]:
        """The cells below the header. Raises OddRowsError, at the end at the latest."""
        if not any(piece.strip("\r\n") for piece in self._body()):
            return
        odd = _Odd()
        stream = _Utf8Stream(self._counted(self._body()))
        try:
            with pacsv.open_csv(
                pa.PythonFile(stream, mode="r"), **_options(len(self.head.labels), self.source, odd)
            ) as reader:
                for batch in reader:
                    yield batch.columns
        except pa.ArrowInvalid:
            raise OddRowsError from None
        if odd.rows or self._quotes % 2:
            raise OddRowsError

    def exact(self) -> Iterator[Cells]:
        """The same by the parser that tells what is wrong. Raises Refused."""
        return _exact(_lines(self._body()), len(self.head.labels), self.source)

    def _body(self) -> Iterator[str]:
        left = self.head.end
        for piece in self.texts():
            if left < len(piece):
                yield piece[left:]
            left = max(left - len(piece), 0)

    def _counted(self, body: Iterator[str]) -> Iterator[str]:
        """The pieces, their quotation marks counted; blank lines, which are laid out as wide rows, are bounded."""
        self._quotes, blank, before = 0, 0, ""
        for piece in body:
            self._quotes += piece.count('"')
            blank += _blank_lines(before + piece) - _blank_lines(before)
            check_cells(2 * blank, len(self.head.labels), self.size)
            before = piece[-2:]
            yield piece


class _Utf8Stream(io.RawIOBase):
    """Text in pieces as a file of UTF-8."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces, self._held = pieces, memoryview(b"")

    def readable(self) -> bool:
        """It is read only."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = memoryview(piece.encode())
        found = bytes(self._held[:size] if size >= 0 else self._held)
        self._held = self._held[len(found) :]
        return found


@dataclass(slots=True)
class _Odd:
    """Counts the rows that are not as wide as the header, and has them skipped."""

    rows: int = 0

    def __call__(self, _row: object) -> str:
        self.rows += 1
        return "skip"


def _options(width: int, source: Source, odd: _Odd) -> dict[str, object]:
    names = [f"c{i}" for i in range(width)]
    return {
        "read_options": pacsv.ReadOptions(
            column_names=names,
            use_threads=False,
            block_size=max(1 << 20, 4 * source.limits.cell),
        ),
        "parse_options": pacsv.ParseOptions(
            delimiter=source.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=odd,
        ),
        "convert_options": pacsv.ConvertOptions(
            column_types={n: pa.string() for n in names},
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    }


def _blank_lines(text: str) -> int:
    return sum(text.count(lines) for lines in _BLANK_LINES)


def _first_rows(text: str, delimiter: str, limits: Limits) -> list[tuple[list[str], int]]:
    """The first rows with the offset at which each ends."""
    rows: list[tuple[list[str], int]] = []
    stream = io.StringIO(text, newline="")
    csv.field_size_limit(limits.cell)
    try:
        reader = csv.reader(iter(stream.readline, ""), delimiter=delimiter)
        for row in reader:
            rows.append((row, stream.tell()))
            if len(rows) == HEADER_SEARCH:
                break
    except csv.Error:
        if not rows:
            raise too_large_cell(limits) from None
    return rows


def _columns(body: str, width: int, source: Source) -> Cells:
    """The cells below the header. The fast parser first; the exact one where rows are odd."""
    if not body.strip("\r\n"):
        return [pa.array([], pa.string()) for _ in range(width)]
    # a blank line is as wide as all others once it is laid out
    check_cells(2 * _blank_lines(body), width, len(body))
    odd = _Odd()
    if body.count('"') % 2:  # a mark inside a cell, or one that is never closed
        return _exact_columns(body, width, source)
    try:
        parsed = pacsv.read_csv(pa.BufferReader(body.encode()), **_options(width, source, odd))
    except pa.ArrowInvalid:
        return _exact_columns(body, width, source)
    if odd.rows:
        return _exact_columns(body, width, source)
    columns = [parsed.column(i).combine_chunks() for i in range(width)]
    check_columns(columns, source.limits)
    check_swallowed(columns, source)
    return columns


def _exact_columns(body: str, width: int, source: Source) -> Cells:
    batches = list(_exact(io.StringIO(body, newline=""), width, source))
    columns = [pa.concat_arrays(parts) for parts in zip(*batches, strict=True)]
    check_swallowed(columns, source)
    return columns


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of a text in pieces, none of them empty, with their ends; where a piece ends, no line does."""
    left = ""
    for piece in pieces:
        *lines, left = io.StringIO(left + piece, newline="")
        yield from lines
    if left:
        yield left


def _exact(lines: Iterable[str], width: int, source: Source) -> Iterator[Cells]:
    """The cells row by row, in batches; what is ragged is counted, and refused at the end."""
    rows: list[list[str]] = []
    long, short, first, count = 0, 0, 0, 0
    csv.field_size_limit(source.limits.cell)
    blank = [""] * width
    try:
        for row in csv.reader(lines, delimiter=source.delimiter, strict=True):
            if len(row) != width and any(row):
                long += len(row) > width
                short += len(row) < width
                first = first or count + 1
            rows.append(row if len(row) == width else blank)
            count += 1
            if count > source.limits.rows:
                raise too_many_rows(source.limits)
            if len(rows) == _BATCH:
                yield _laid_out(rows)
                rows = []
    except csv.Error:
        raise too_large_cell(source.limits) from None
    if long or short:
        raise Refused(
            "ragged_rows",
            f"{long} rows have more cells than the header and {short} have fewer, "
            f"the first is data row {first}",
            "The file may have been split once more on a delimiter inside a cell: ask for it as exported",
        )
    if rows:
        yield _laid_out(rows)


def _laid_out(rows: list[list[str]]) -> Cells:
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]


def check_swallowed(columns: list[pa.Array], source: Source) -> None:
    """Refuse a cell that holds whole rows: a quotation mark was opened and closed far below."""
    for column in columns:
        for text in column.filter(pc.match_substring(column, "\n")).to_pylist():
            lines = text.splitlines()[1:]
            if any(line.count(source.delimiter) >= max(len(columns) - 1, 2) for line in lines):
                raise Refused(
                    "swallowed_rows",
                    "a cell holds whole rows: a quotation mark in it is not closed where it should be",
                    "Ask the mission to look for a lone quotation mark and export again",
                )
