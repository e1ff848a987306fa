"""A large export in parts: the text tables of so many whole cases at a time, never of all.

In: files that are unpacked piece by piece, and the contract. Out: for each part what `read_tables` gives of the
whole, with the rows of some cases only, in the order of the file. All rows of a case, of whatever table, are in
one part; rows that name no case are in the first. What waits for its turn is held compressed, in memory.

Into how many parts an export goes depends on its size alone, and what is landed of it is the same as of the
whole. Only delimited text is ever that large; and records that are merged may be of cases of two parts, so that
a contract that merges is read whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from counterflow.columns import Cells, Places
from counterflow.contracts import Contract
from counterflow.contracts.model import Header
from counterflow.sources.decode import decoded
from counterflow.sources.delimited import Delimited, OddRowsError, check_swallowed
from counterflow.sources.errors import Refused
from counterflow.sources.headers import Columns
from counterflow.sources.readers import pick
from counterflow.sources.tables import (
    Names,
    TextTable,
    check_columns,
    too_many_rows,
    ungarble,
    ungarbled,
)
from counterflow.sources.unpack import Member
from counterflow.text import case_number, clean

PART = 32 << 20  # bytes of text, unpacked, that are a part
_AT_ONCE = 64 << 20  # bytes of cells that are sorted into parts at once
_ROW = "row"  # beside the cells: the place of the row in its file


def can_be_parted(contract: Contract) -> bool:
    """Whether exports of this contract can be read in parts."""
    return contract.source.format == "csv" and contract.tables["case"].merged is None


def read_parts(
    files: Mapping[str, Member], contract: Contract, missing: AbstractSet[str], part: int = PART
) -> Iterator[dict[str, TextTable]]:
    """One text table per contract table that has rows of its own, part by part. Raises Refused.

    `missing`: what stands for no case number, folded. `part`: bytes of a part.
    """
    parts = -(-sum(member.size for member in files.values()) // part)
    sources = {name: table for name, table in contract.tables.items() if table.own_rows}
    picked = {name: pick(files, table, contract) for name, table in sources.items()}
    shelves = {}
    for name, file in picked.items():
        with _of(name):
            shelves[name] = _sorted(files[file], name, contract, missing, parts)
    for file, member in files.items():
        if file not in picked.values():
            for _ in member.pieces():  # what nobody reads may be damaged all the same
                pass
    for number in range(parts):
        tables = {name: shelf.take(number) for name, shelf in shelves.items()}
        if contract.source.accents == "garbled":
            for table in tables.values():
                ungarble(table)
        yield tables


@contextmanager
def _of(name: str) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        where = f"table `{name}`"
        raise Refused(refused.code, f"{where}: {refused.problem}", refused.cure) from None


class _Shelf:
    """The rows of one table, each part's compressed, until they are asked for."""

    def __init__(self, empty: TextTable, parts: int) -> None:
        self._empty = empty
        columns = [pa.field(str(n), pa.string()) for n in range(len(empty.labels))]
        self._schema = pa.schema([*columns, pa.field(_ROW, pa.int64())])
        self._parts: list[list[pa.Buffer]] = [[] for _ in range(parts)]

    def put(self, columns: list[pa.Array], of_part: Places, first: int) -> None:
        """Some rows, each into its part; `first` is the place of the first one in the file."""
        order = np.argsort(of_part, kind="stable")
        ends = np.cumsum(np.bincount(of_part, minlength=len(self._parts)))
        rows = pa.table([*columns, pa.array(np.arange(first, first + len(order)))], self._schema)
        ordered = rows.take(pa.array(order))
        start = 0
        for part, end in enumerate(ends.tolist()):
            if start < end:
                self._parts[part].append(_packed(ordered.slice(start, end - start)))
            start = end

    def take(self, part: int) -> TextTable:
        """The rows of a part, which are held no longer. What is to be said of the file comes with the first."""
        packed, self._parts[part] = self._parts[part], []
        tables = [pa.ipc.open_stream(buffer).read_all() for buffer in packed]
        rows = pa.concat_tables(tables) if tables else self._schema.empty_table()
        *columns, places = (column.combine_chunks() for column in rows.columns)
        empty = self._empty
        notes = list(empty.notes) if part == 0 else []
        return TextTable(empty.labels, empty.technical, columns, notes, places.to_numpy())


def _packed(rows: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as out:
        out.write_table(rows.combine_chunks())
    return sink.getvalue()


def _sorted(
    member: Member, name: str, contract: Contract, missing: AbstractSet[str], parts: int
) -> _Shelf:
    """The rows of one file, by the part that their case is in."""
    source = contract.source
    file = Delimited.of(
        lambda: decoded(member.pieces(), source.encoding),
        member.size,
        source,
        Names.of(contract, name),
    )
    empty = file.empty()
    columns = Columns(name, empty)
    key: list[Header] = contract.tables[name].key or contract.tables["case"].key or []
    key_at = [columns.place(header) for header in key]
    where = _PartOf(parts, missing, contract.source.accents == "garbled")
    for batches in (file.fast, file.exact):
        shelf, rows = _Shelf(empty, parts), 0
        try:
            for cells in _gathered(batches()):
                check_columns(cells, source.limits)
                check_swallowed(cells, source)
                shelf.put(cells, where.rows([cells[at] for at in key_at]), rows)
                rows += len(cells[0])
                if rows > source.limits.rows:
                    raise too_many_rows(source.limits)
        except OddRowsError:
            continue
        return shelf
    raise AssertionError("the exact parser understands every file, or refuses it")


def _gathered(batches: Iterator[list[pa.Array]]) -> Iterator[list[pa.Array]]:
    """Batches put together until they are worth sorting."""
    held: list[list[pa.Array]] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += sum(column.nbytes for column in batch)
        if size >= _AT_ONCE:
            yield [pa.concat_arrays(column) for column in zip(*held, strict=True)]
            held, size = [], 0
    if held:
        yield [pa.concat_arrays(column) for column in zip(*held, strict=True)]


class _PartOf:
    """The part that the rows of a case are in: all writings of one case number give the same."""

    def __init__(self, parts: int, missing: AbstractSet[str], is_garbled: bool) -> None:
        self.parts, self.missing, self.is_garbled = parts, missing, is_garbled

    def rows(self, key: list[pa.Array]) -> Places:
        """The part of each row, by the cells of its case number, or of the parts of that."""
        sums: Places = np.zeros(len(key[0]) if key else 0, np.int64)
        told = np.ones(len(sums), np.bool_)
        for number, column in enumerate(key, start=1):
            cells = Cells.of(column)
            hashed = [self._hash(value) for value in cells.values]
            sums += number * np.array([h or 0 for h in hashed], np.int64)[cells.places]
            told &= np.array([h is not None for h in hashed], np.bool_)[cells.places]
        return np.where(told, sums % self.parts, 0)

    def _hash(self, value: str) -> int | None:
        """A number for a case number, None for a cell that holds none; `value` is clean."""
        if self.is_garbled:
            value = clean(ungarbled(value))
        if not value or value.casefold() in self.missing:
            return None
        return zlib.crc32(case_number(value).encode())
