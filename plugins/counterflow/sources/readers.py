"""From the files of an export to text tables: every cell a string, nothing interpreted.

In: name to bytes, and the contract's source and tables. Out: one `TextTable` per source table.
Reading is bounded by the contract's limits; what cannot be read raises `Refused`.
"""

from __future__ import annotations

import csv
import fnmatch
import io
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from counterflow.contracts import Contract
from counterflow.contracts.model import Limits, Source, Table
from counterflow.sources.decode import decode
from counterflow.sources.documents import flatten, parse_json
from counterflow.sources.errors import Refused
from counterflow.sources.extent import check_cells
from counterflow.sources.fixed import read_fixed
from counterflow.sources.tables import (
    HEADER_SEARCH,
    Names,
    TextTable,
    check_columns,
    padded,
    preamble,
    too_large_cell,
    too_many_rows,
    ungarble,
)
from counterflow.sources.workbook import sheet_rows
from counterflow.text import fold

_SENTENCE = 60  # a first header cell longer than this is text, not a name


def read_tables(files: Mapping[str, bytes], contract: Contract) -> dict[str, TextTable]:
    """One text table per contract table that has rows of its own."""
    sources = {name: table for name, table in contract.tables.items() if table.own_rows}
    if contract.source.format == "json":
        tables = _read_json(files, contract, sources)
    else:
        tables = {name: _read(files, name, table, contract) for name, table in sources.items()}
    if contract.source.accents == "garbled":
        for found in tables.values():
            ungarble(found)
    return tables


def _read(files: Mapping[str, bytes], name: str, table: Table, contract: Contract) -> TextTable:
    read = {"csv": _read_csv, "fixed": read_fixed}.get(contract.source.format, _read_sheet)
    data = files[_pick(files, table, contract)]
    try:
        return read(data, table, contract.source, Names.of(contract, name))
    except Refused as refused:
        where = f"table `{name}`"
        raise Refused(refused.code, f"{where}: {refused.problem}", refused.cure) from None


def _pick(files: Mapping[str, bytes], table: Table, contract: Contract) -> str:
    """The file of the export that the table is in."""
    if contract.source.archive is None or table.file is None:
        return next(iter(files))
    names = sorted(n for n in files if fnmatch.fnmatch(n.rpartition("/")[2], table.file))
    if len(names) != 1:
        raise Refused(
            "missing_file" if not names else "doubtful_file",
            f"the zip holds {len(names)} files that fit `{table.file}`",
            "Ask the mission for the missing file, or correct `file` in the contract",
        )
    return names[0]


def _read_csv(data: bytes, table: Table, source: Source, names: Names) -> TextTable:
    text = decode(data, source.encoding)
    head = _first_rows(text, source.delimiter, source.limits)
    header = source.header
    label_at = names.header_row([row for row, _ in head], header.label - 1)
    if label_at >= len(head):
        raise Refused(
            "no_header", "the file ends before its header", "Ask the mission to export again"
        )
    labels, end = head[label_at]
    shift = label_at - (header.label - 1)
    technical = None
    if header.technical:
        technical, technical_end = _technical_row(head, header.technical - 1 + shift)
        end = max(end, technical_end)
    _check_header(labels, names, source.delimiter, source.limits)
    columns = _csv_columns(text[end:], len(labels), source)
    labels, notes = names.repair(labels)
    return TextTable(labels, padded(technical, len(labels)), columns, preamble(shift) + notes)


def _technical_row(rows: list[Any], at: int) -> Any:
    """The row of technical names, which must be there if the contract says so."""
    if not 0 <= at < len(rows):
        raise Refused(
            "no_header",
            "the row of technical names is missing above the labels",
            "Ask the mission to export with it, or correct `source.header`",
        )
    return rows[at]


def _first_rows(text: str, delimiter: str, limits: Limits) -> list[tuple[list[str], int]]:
    """The first rows with the offset at which each ends."""
    rows: list[tuple[list[str], int]] = []
    stream = io.StringIO(text[: 1 << 20], newline="")
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


def _check_header(labels: list[str], names: Names, delimiter: str, limits: Limits) -> None:
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


def _csv_columns(body: str, width: int, source: Source) -> list[pa.Array]:
    """The cells below the header. The fast parser first; the exact one where rows are odd."""
    odd = 0

    def handler(_row: Any) -> str:
        nonlocal odd
        odd += 1
        return "skip"

    if not body.strip("\r\n"):
        return [pa.array([], pa.string()) for _ in range(width)]
    # a blank line is as wide as all others once it is laid out
    blank = 2 * sum(body.count(lines) for lines in ("\n\n", "\n\r\n", "\r\r"))
    check_cells(blank, width, len(body))
    if (
        body.count('"') % 2
    ):  # a mark inside a cell, or one that is never closed: the exact parser tells
        return _exact_columns(body, width, source)
    names = [f"c{i}" for i in range(width)]
    try:
        parsed = pacsv.read_csv(
            pa.BufferReader(body.encode()),
            read_options=pacsv.ReadOptions(
                column_names=names,
                use_threads=False,
                block_size=max(1 << 20, 4 * source.limits.cell),
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=source.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=handler,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={n: pa.string() for n in names},
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        odd = 1
    if odd:
        return _exact_columns(body, width, source)
    columns = [parsed.column(n).combine_chunks() for n in names]
    check_columns(columns, source.limits)
    _check_swallowed(columns, source)
    return columns


def _exact_columns(body: str, width: int, source: Source) -> list[pa.Array]:
    rows: list[list[str]] = []
    long, short, first = 0, 0, 0
    csv.field_size_limit(source.limits.cell)
    blank = [""] * width
    try:
        for row in csv.reader(
            io.StringIO(body, newline=""), delimiter=source.delimiter, strict=True
        ):
            if len(row) != width:
                if not any(row):
                    rows.append(blank)
                    continue
                long += len(row) > width
                short += len(row) < width
                first = first or len(rows) + 1
                row = blank
            rows.append(row)
            if len(rows) > source.limits.rows:
                raise too_many_rows(source.limits)
    except csv.Error:
        raise too_large_cell(source.limits) from None
    if long or short:
        raise Refused(
            "ragged_rows",
            f"{long} rows have more cells than the header and {short} have fewer, "
            f"the first is data row {first}",
            "The file may have been split once more on a delimiter inside a cell: ask for it as exported",
        )
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    _check_swallowed(columns, source)
    return columns


def _check_swallowed(columns: list[pa.Array], source: Source) -> None:
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


def _read_sheet(data: bytes, table: Table, source: Source, names: Names) -> TextTable:
    decimal = source.decimal
    rows = sheet_rows(data, table.sheet, source.limits, source.format)
    texts = [[cell_text(cell, decimal) for cell in row] for row in rows[:HEADER_SEARCH]]
    header = source.header
    label_at = names.header_row(texts, header.label - 1)
    if label_at >= len(texts):
        raise Refused(
            "no_header", "the sheet ends before its header", "Ask the mission to export again"
        )
    shift = label_at - (header.label - 1)
    labels = texts[label_at]
    technical = _technical_row(texts, header.technical - 1 + shift) if header.technical else None
    _check_header(labels, names, source.delimiter, source.limits)
    start = max(label_at, (header.technical or 1) - 1 + shift) + 1
    body = rows[start:]
    if len(body) > source.limits.rows:
        raise too_many_rows(source.limits)
    width = len(labels)
    columns = [
        pa.array([cell_text(row[i], decimal) if i < len(row) else "" for row in body], pa.string())
        for i in range(width)
    ]
    check_columns(columns, source.limits)
    labels, notes = names.repair(labels)
    return TextTable(labels, padded(technical, width), columns, preamble(shift) + notes)


def _read_json(
    files: Mapping[str, bytes], contract: Contract, sources: Mapping[str, Table]
) -> dict[str, TextTable]:
    source = contract.source
    text = decode(next(iter(files.values())), source.encoding)
    document = parse_json(text, source.decimal)
    tables: dict[str, TextTable] = {}
    for name, table in sources.items():
        records = flatten(document, table.records or "", _carried(contract, name), source.limits)
        nested = _nested(table.records or "", sources)
        names = [n for n in dict.fromkeys(k for r in records for k in r) if n not in nested]
        if len(names) > source.limits.columns:
            raise Refused(
                "too_many_columns",
                f"table `{name}`: the records have {len(names)} different keys",
                "Ask the mission what changed, or raise `source.limits.columns`",
            )
        check_cells(len(records), len(names), len(text))
        columns = [pa.array([r.get(key, "") for r in records], pa.string()) for key in names]
        check_columns(columns, source.limits)
        labels, notes = Names.of(contract, name).repair(names)
        tables[name] = TextTable(labels, None, columns, notes)
    return tables


def _carried(contract: Contract, name: str) -> set[str]:
    """What a nested list takes of the records around it: its case number, and columns that say so."""
    table = contract.tables[name]
    labels = [str(header) for header in table.key or []]
    labels += [f"^.{header}" for header in contract.tables["case"].key or []]
    labels += [str(c.from_) for c in (*table.columns.values(), *table.becomes.values()) if c.from_]
    return {label for label in labels if label.startswith("^.")}


def _nested(path: str, sources: Mapping[str, Table]) -> set[str]:
    """Names of lists inside the records at `path` that are tables of their own: no columns of it."""
    inside = f"{path}." if path else ""
    below = [t.records for t in sources.values() if t.records and t.records != path]
    return {r.removeprefix(inside).partition(".")[0] for r in below if r.startswith(inside)}


def cell_text(cell: Any, decimal: str = ".") -> str:
    """A workbook's cell as the text a person would read: dates ISO, whole numbers without `.0`.

    A number has no decimal mark until it is written: it gets that of the contract.
    """
    match cell:
        case str():
            return cell
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return str(cell).replace(".", decimal)
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)
