"""From the files of an export to text tables: every cell a string, nothing interpreted.

In: name to bytes, and the contract's source and tables. Out: one `TextTable` per source table.
Reading is bounded by the contract's limits; what cannot be read raises `Refused`.
"""

from __future__ import annotations

import csv
import fnmatch
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from counterflow.sources.workbook import sheet_rows
from counterflow.text import clean, fold

_HEADER_SEARCH = 20  # rows in which a header is looked for: sentences may stand above it
_SENTENCE = 60  # a first header cell longer than this is text, not a name


@dataclass(slots=True)
class TextTable:
    """One source: header names and columns of strings, all of one length.

    `labels` (and `technical`, or None) have one entry per column; `notes` are signals (kind, detail).
    """

    labels: list[str]
    technical: list[str] | None
    columns: list[pa.Array]
    notes: list[tuple[str, str]]

    @property
    def rows(self) -> int:
        """How many data rows were read, blank ones included."""
        return len(self.columns[0]) if self.columns else 0


def read_tables(files: Mapping[str, bytes], contract: Contract) -> dict[str, TextTable]:
    """One text table per contract table that has rows of its own."""
    sources = {name: table for name, table in contract.tables.items() if table.own_rows}
    if contract.source.format == "json":
        return _read_json(files, contract, sources)
    read = _read_csv if contract.source.format == "csv" else _read_sheet
    tables: dict[str, TextTable] = {}
    for name, table in sources.items():
        file = _pick(files, table, contract)
        known = _known_labels(contract, name)
        try:
            tables[name] = read(files[file], table, contract.source, known)
        except Refused as refused:
            where = f"table `{name}`"
            raise Refused(refused.code, f"{where}: {refused.problem}", refused.cure) from None
    return tables


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


def _known_labels(contract: Contract, source: str) -> set[str]:
    """Folded labels that the contract expects on a source, to tell a header from a sentence."""
    expected: set[str] = set()
    for name, table in contract.tables.items():
        if name != source and (table.own_rows or source != "case"):
            continue
        headers = [*(table.key or []), *table.personal, *table.read_headers]
        expected |= {fold(h.label) for h in headers if h.label}
    return expected


def _header_row(rows: list[list[str]], known: set[str], wanted: int) -> int:
    """Index of the header among the first rows: where the contract says, or where it fits best."""
    if not rows:
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")

    def fits(row: list[str]) -> int:
        return len({fold(cell) for cell in row} & known)

    best = max(range(len(rows)), key=lambda i: (fits(rows[i]), -i))
    return best if fits(rows[best]) > fits(rows[min(wanted, len(rows) - 1)]) else wanted


def _read_csv(data: bytes, table: Table, source: Source, known: set[str]) -> TextTable:
    text = decode(data, source.encoding)
    head = _first_rows(text, source.delimiter, source.limits)
    header = source.header
    label_at = _header_row([row for row, _ in head], known, header.label - 1)
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
    _check_header(labels, known, source.delimiter, source.limits)
    notes = [("preamble", f"{shift} rows above the header")] if shift > 0 else []
    columns = _csv_columns(text[end:], len(labels), source)
    return TextTable([clean(x) for x in labels], _padded(technical, len(labels)), columns, notes)


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
            if len(rows) == _HEADER_SEARCH:
                break
    except csv.Error:
        if not rows:
            raise _too_large_cell(limits) from None
    return rows


def _check_header(labels: list[str], known: set[str], delimiter: str, limits: Limits) -> None:
    if len(labels) > limits.columns:
        raise Refused(
            "too_many_columns",
            f"the header has {len(labels)} columns, the contract allows {limits.columns}",
            "Check the delimiter, or raise `source.limits.columns`",
        )
    if len(labels) == 1 and len(known) > 1:
        others = [d for d in ",;\t|" if d != delimiter and d in labels[0]]
        hint = f"; the header holds {others[0]!r}" if others else ""
        raise Refused(
            "wrong_delimiter",
            f"the header has one column with the delimiter {delimiter!r}{hint}",
            "Correct `source.delimiter`, or ask the mission to export as before",
        )
    if len(labels[0]) > _SENTENCE and fold(labels[0]) not in known:
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
    _check_cells(columns, source.limits)
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
                raise _too_many_rows(source.limits)
    except csv.Error:
        raise _too_large_cell(source.limits) from None
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


def _read_sheet(data: bytes, table: Table, source: Source, known: set[str]) -> TextTable:
    rows = sheet_rows(data, table.sheet, source.limits)
    texts = [[cell_text(cell) for cell in row] for row in rows[:_HEADER_SEARCH]]
    header = source.header
    label_at = _header_row(texts, known, header.label - 1)
    if label_at >= len(texts):
        raise Refused(
            "no_header", "the sheet ends before its header", "Ask the mission to export again"
        )
    shift = label_at - (header.label - 1)
    labels = texts[label_at]
    technical = _technical_row(texts, header.technical - 1 + shift) if header.technical else None
    _check_header(labels, known, source.delimiter, source.limits)
    start = max(label_at, (header.technical or 1) - 1 + shift) + 1
    body = rows[start:]
    if len(body) > source.limits.rows:
        raise _too_many_rows(source.limits)
    width = len(labels)
    columns = [
        pa.array([cell_text(row[i]) if i < len(row) else "" for row in body], pa.string())
        for i in range(width)
    ]
    _check_cells(columns, source.limits)
    notes = [("preamble", f"{shift} rows above the header")] if shift > 0 else []
    return TextTable([clean(x) for x in labels], _padded(technical, width), columns, notes)


def _read_json(
    files: Mapping[str, bytes], contract: Contract, sources: Mapping[str, Table]
) -> dict[str, TextTable]:
    document = parse_json(decode(next(iter(files.values())), contract.source.encoding))
    tables: dict[str, TextTable] = {}
    for name, table in sources.items():
        records = flatten(document, table.records or "", _carried(contract, name))
        nested = _nested(table.records or "", sources)
        names = [n for n in dict.fromkeys(k for r in records for k in r) if n not in nested]
        if len(names) > contract.source.limits.columns:
            raise Refused(
                "too_many_columns",
                f"table `{name}`: the records have {len(names)} different keys",
                "Ask the mission what changed, or raise `source.limits.columns`",
            )
        columns = [pa.array([r.get(key, "") for r in records], pa.string()) for key in names]
        _check_cells(columns, contract.source.limits)
        tables[name] = TextTable(names, None, columns, [])
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


def cell_text(cell: Any) -> str:
    """A workbook's cell as the text a person would read: dates ISO, whole numbers without `.0`."""
    match cell:
        case str():
            return cell
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)


def _padded(technical: Iterable[str] | None, width: int) -> list[str] | None:
    if technical is None:
        return None
    names = [clean(name) for name in technical]
    return (names + [""] * width)[:width]


def _check_cells(columns: list[pa.Array], limits: Limits) -> None:
    if columns and len(columns[0]) > limits.rows:
        raise _too_many_rows(limits)
    for column in columns:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > limits.cell:
            raise _too_large_cell(limits)


def _too_large_cell(limits: Limits) -> Refused:
    return Refused(
        "cell_too_large",
        f"a cell is larger than {limits.cell} bytes, or a quotation mark is never closed",
        "Ask the mission to look at its longest cells; raise `source.limits.cell` if they are right",
    )


def _too_many_rows(limits: Limits) -> Refused:
    return Refused(
        "too_many_rows",
        f"there are more than {limits.rows} rows",
        "Ask the mission what changed, or raise `source.limits.rows`",
    )
