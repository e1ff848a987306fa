"""From the files of an export to text tables: every cell a string, nothing interpreted.

In: name to bytes, and the contract's source and tables. Out: one `TextTable` per source table.
Reading is bounded by the contract's limits; what cannot be read raises `Refused`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

from counterflow.contracts import Contract
from counterflow.contracts.model import Source, Table
from counterflow.sources.decode import decode
from counterflow.sources.delimited import read_csv
from counterflow.sources.documents import flatten, parse_json
from counterflow.sources.errors import Refused
from counterflow.sources.extent import check_cells
from counterflow.sources.fixed import read_fixed
from counterflow.sources.tables import (
    HEADER_SEARCH,
    Names,
    TextTable,
    check_columns,
    check_header,
    padded,
    preamble,
    technical_row,
    too_many_rows,
    ungarble,
)
from counterflow.sources.workbook import sheet_rows


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
    read = {"csv": read_csv, "fixed": read_fixed}.get(contract.source.format, _read_sheet)
    data = files[pick(files, table, contract)]
    try:
        return read(data, table, contract.source, Names.of(contract, name))
    except Refused as refused:
        where = f"table `{name}`"
        raise Refused(refused.code, f"{where}: {refused.problem}", refused.cure) from None


def pick(files: Iterable[str], table: Table, contract: Contract) -> str:
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
    technical = technical_row(texts, header.technical - 1 + shift) if header.technical else None
    check_header(labels, names, source.delimiter, source.limits)
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
