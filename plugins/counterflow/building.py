"""Canonical tables from the rows of a source: flat rows become many, child rows stay one each.

In: the columns of a source, the rows that are kept, their case keys. Out: an Arrow table with the
columns of `canonical.landing_columns`. One list column makes a row an item; the other fields of
the table stand on each; one column an item (`each`) makes a row for each that is filled; several
groups of columns make the rows that each would make alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterflow.canonical import TABLES, Field, Kind, Table, landed_name, landing_columns
from counterflow.columns import Cells, Places, explode, gather
from counterflow.contracts import Contract
from counterflow.contracts.model import Column
from counterflow.contracts.model import Table as Spec
from counterflow.fields import FieldReader
from counterflow.sources.headers import Columns

_TYPES = {"text": pa.string(), "int64": pa.int64(), "date": pa.date32()}
Judged = tuple[Columns, Places, pa.Array, pa.Array]  # columns, kept rows, case keys, readings


def landing_schema(table: str) -> pa.Schema:
    """The Arrow schema of a landing table."""
    return pa.schema([(n, _TYPES[t]) for n, t in landing_columns(table).items()])


class TableBuilder:
    """Builds the canonical tables of one export."""

    def __init__(self, contract: Contract, reader: FieldReader) -> None:
        self.contract, self.reader = contract, reader

    def empty(self, name: str) -> pa.Table:
        """The table without rows: the contract does not fill it."""
        return landing_schema(name).empty_table()

    def build(
        self,
        name: str,
        columns: Columns,
        kept: Places,
        keys: pa.Array,
        readings: pa.Array,
        landed: Mapping[str, pa.Array],
    ) -> pa.Table:
        """The canonical table `name` from the kept rows of the source in `columns`.

        `landed`: columns of the source that are landed as they are.
        """
        spec, table = self.contract.tables[name], TABLES[name]
        if not columns.table.labels and not columns.rows:
            return self.empty(name)
        values: dict[str, pa.Array] = {}
        group = np.zeros(0, np.int64)
        if spec.each:
            rows = self._each(table, spec, columns, kept, values)
        elif spec.groups:
            rows, group = self._groups(table, spec, columns, kept, values)
        else:
            every = spec.own_rows or name == "case"
            filling = None if every else _from_cells(spec.columns) | _from_cells(spec.becomes)
            rows = self._rows(table, spec, columns, kept, values, filling)
        if name == "case":
            values |= {column: whole.take(pa.array(kept[rows])) for column, whole in landed.items()}
        things = kept[rows] * max(len(spec.groups), 1) + (group if len(group) else 0)
        return self._landed(table, columns, kept[rows], things, keys, readings, values)

    def _rows(
        self,
        table: Table,
        spec: Spec,
        columns: Columns,
        kept: Places,
        values: dict[str, pa.Array],
        filling: frozenset[str] | None,
    ) -> Places:
        """One row per item of the table's list, or else one on which a field of `filling` is filled.

        `filling` None: every row of the source makes one.
        """
        column = spec.columns.get(table.item or "")
        if column is not None and (column.many is not None or not spec.own_rows):
            return self._listing(table, spec, columns, kept, values, filling)
        self._scalars(table, spec, columns, kept, values)
        rows = np.arange(len(kept), dtype=np.int64)
        if filling is None:
            return rows
        filled = _any_filled(values, table, filling, len(kept))
        for field, landed in values.items():
            values[field] = landed.filter(pa.array(filled))
        return np.flatnonzero(filled)

    def _each(
        self, table: Table, spec: Spec, columns: Columns, kept: Places, values: dict[str, pa.Array]
    ) -> Places:
        """One row per item column that is filled, in the order of rows, then of items."""
        rows, items, answers = [], [], []
        for number, (_, header) in enumerate(spec.each.items()):
            cells = columns.need(header).take(kept)
            answer = self.reader.code(table.name, "answer", spec.answers or [], cells)
            filled = np.flatnonzero(answer.is_valid().to_numpy(zero_copy_only=False))
            rows.append(filled)
            items.append(np.full(len(filled), number, np.int64))
            answers.append(answer.take(pa.array(filled)))
        row, item = np.concatenate(rows), np.concatenate(items)
        order = np.lexsort((item, row))
        names = pa.array(list(spec.each), pa.string())
        values[table.item or ""] = gather(names, item[order])
        values["answer"] = pa.concat_arrays(answers).take(pa.array(order))
        self._scalars(table, spec, columns, kept[row[order]], values)
        return row[order]

    def _groups(
        self, table: Table, spec: Spec, columns: Columns, kept: Places, values: dict[str, pa.Array]
    ) -> tuple[Places, Places]:
        """The rows of each group of columns, in the order of rows, then of groups, then of items.

        What stands in `columns` is on every row of every group, and makes no row by itself.
        """
        shared = spec.model_copy(update={"groups": {}})
        named = table.field(table.group or "")
        parts: list[tuple[Places, dict[str, pa.Array]]] = []
        for name, own in spec.groups.items():
            single = spec.model_copy(update={"columns": own, "becomes": {}, "groups": {}})
            landed: dict[str, pa.Array] = {}
            rows = self._rows(table, single, columns, kept, landed, _from_cells(own))
            self._scalars(table, shared, columns, kept[rows], landed)
            number = named.kind is Kind.NUMBER
            landed[named.name] = pa.array([int(name) if number else name] * len(rows))
            parts.append((rows, landed))
        row = np.concatenate([rows for rows, _ in parts])
        group = np.repeat(np.arange(len(parts)), [len(rows) for rows, _ in parts])
        order = np.lexsort((group, row))
        for column in landing_schema(table.name):
            if any(column.name in landed for _, landed in parts):
                arrays = [
                    landed.get(column.name, pa.nulls(len(rows))).cast(column.type)
                    for rows, landed in parts
                ]
                values[column.name] = pa.concat_arrays(arrays).take(pa.array(order))
        return row[order], group[order]

    def _listing(
        self,
        table: Table,
        spec: Spec,
        columns: Columns,
        kept: Places,
        values: dict[str, pa.Array],
        filling: frozenset[str] | None,
    ) -> Places:
        """One row per item of the list; rows without items stay if another field is filled."""
        field = table.item or ""
        column = spec.columns[field]
        cells = _cells(columns, column).take(kept)
        book, names, split = self.reader.items(table.name, field, column, cells)
        row, item = explode(split, cells.places)
        book.signal(names, np.bincount(item, minlength=len(names)))
        landed = pa.array([book.land(name) for name in names], pa.string())
        second = next((f for f, c in spec.columns.items() if c.with_ is not None), None)
        other = np.full(len(row), -1, np.int64)
        others = pa.array([], pa.string())
        if second is not None:
            goes = np.array(
                [book.meaning.get(n) == spec.columns[second].with_ for n in names] or [False]
            )
            row, item, other, others = self._second(
                table, second, spec.columns[second], columns, kept, (row, item), goes
            )
        have = np.zeros(len(kept), np.bool_)
        have[row] = True
        scalars: dict[str, pa.Array] = {}
        rest = {k: v for k, v in spec.columns.items() if k not in (field, second)}
        self._scalars(table, spec.model_copy(update={"columns": rest}), columns, kept, scalars)
        if filling is None:
            filling = _from_cells(rest) | _from_cells(spec.becomes)
        filling -= {field, second or ""}
        lone = np.flatnonzero(~have & _any_filled(scalars, table, filling, len(kept)))
        row = np.concatenate([row, lone])
        item = np.concatenate([item, np.full(len(lone), -1, np.int64)])
        other = np.concatenate([other, np.full(len(lone), -1, np.int64)])
        order = np.argsort(row, kind="stable")
        row = row[order]
        values |= {k: v.take(pa.array(row)) for k, v in scalars.items()}
        values[field] = gather(landed, item[order])
        if second is not None:
            values[second] = gather(others, other[order])
        return row

    def _second(
        self,
        table: Table,
        field: str,
        column: Column,
        columns: Columns,
        kept: Places,
        first: tuple[Places, Places],
        goes: np.ndarray,
    ) -> tuple[Places, Places, Places, pa.Array]:
        """Join a second list to the item it belongs to: (rows, items, second items, their codes)."""
        row, item = first
        cells = _cells(columns, column).take(kept)
        book, names, split = self.reader.items(table.name, field, column, cells)
        row2, item2 = explode(split, cells.places)
        book.signal(names, np.bincount(item2, minlength=len(names)))
        belongs = goes[item] if len(item) else np.zeros(0, np.bool_)
        owner = np.full(len(kept), -1, np.int64)  # the item of each row that the second list is of
        owner[row[belongs]] = item[belongs]
        has_second = np.zeros(len(kept), np.bool_)
        has_second[row2] = True
        stays = ~(belongs & has_second[row]) if len(row) else belongs
        rows = np.concatenate([row[stays], row2])
        items = np.concatenate([item[stays], owner[row2]])
        seconds = np.concatenate([np.full(int(stays.sum()), -1, np.int64), item2])
        return rows, items, seconds, pa.array([book.land(n) for n in names], pa.string())

    def _scalars(
        self, table: Table, spec: Spec, columns: Columns, rows: Places, values: dict[str, pa.Array]
    ) -> None:
        """The single-valued fields on the given rows of the source, into `values`."""
        for field in table.fields:
            column = spec.columns.get(field.name) or spec.becomes.get(field.name)
            if column is None or field.name in values:
                continue
            cells = (
                Cells.constant(column.value, len(rows))
                if column.value is not None
                else _cells(columns, column).take(rows)
            )
            self._scalar(table, field, column, spec, columns, rows, cells, values)
            if column.basis is not None:
                values[f"{field.name}_basis"] = pa.array([column.basis] * len(rows), pa.string())

    def _scalar(
        self,
        table: Table,
        field: Field,
        column: Column,
        spec: Spec,
        columns: Columns,
        rows: Places,
        cells: Cells,
        values: dict[str, pa.Array],
    ) -> None:
        name, reading = landed_name(field), f"{field.name}_reading"
        match field.kind:
            case Kind.MONTH:
                values[name], values[reading] = self.reader.month(
                    table.name, field.name, column, cells
                )
            case Kind.YEAR:
                values[name], values[reading] = self.reader.year(
                    table.name, field.name, column, cells
                )
            case Kind.NUMBER:
                values[name] = self.reader.number(table.name, field, cells)
            case Kind.BAND if column.at is not None:
                at = spec.columns[column.at]
                bands, readings, before = self.reader.age_at(
                    table.name, field.name, column, cells, at, _cells(columns, at).take(rows)
                )
                values[name], values[reading] = bands, readings
                dated = f"{column.at}_reading"
                if dated in values:
                    values[dated] = pc.if_else(before, "before_birth", values[dated])
            case Kind.BAND:
                values[name], read = self.reader.band(table.name, field, column, cells)
                values[reading] = read
            case _ if column.value is not None:
                values[name] = pa.array([column.value] * len(rows), pa.string())
            case _:
                values[name] = self.reader.code(table.name, field.name, column.codes or [], cells)

    def _landed(
        self,
        table: Table,
        columns: Columns,
        rows: Places,
        things: Places,
        keys: pa.Array,
        readings: pa.Array,
        values: dict[str, pa.Array],
    ) -> pa.Table:
        """The table in landing's columns; numbers that the form lacks follow the file's order.

        `things`: what a landing row is of, a source row or a group of columns of one.
        """
        spec, index = self.contract.tables[table.name], pa.array(rows)
        count = len(rows)
        case_keys = keys.take(index)
        own = {
            "mission_code": pa.array([self.contract.mission] * count, pa.string()),
            "case_key": case_keys,
            "source": pa.array([columns.name] * count, pa.string()),
            "source_row": columns.source_rows(rows),
        }
        if table.name == "case":
            own["key_reading"] = readings.take(index)
            own["key_id"] = pa.array([self.reader.keys.key_id] * count, pa.string())
            own["form_version"] = _versions(self.contract, values.get("registered_month"), count)
        else:
            own["case_reading"] = (
                readings.take(index) if spec.own_rows else pa.array(["ok"] * count, pa.string())
            )
        case = _numbered(case_keys) if spec.own_rows else rows
        for field in table.fields:
            # where the form has numbers, those that are blank follow the others in dbt
            if field.kind is Kind.NUMBER and field.name not in values:
                values[field.name] = _numbers(table, field, case, things)
        schema = landing_schema(table.name)
        arrays = [(own | values).get(f.name, pa.nulls(count, f.type)) for f in schema]
        return pa.table(
            [a.cast(f.type) for a, f in zip(arrays, schema, strict=True)], schema=schema
        )

    def local_attributes(self, sources: dict[str, Judged]) -> pa.Table:
        """The mission's own coded fields, one row per filled cell."""
        parts = []
        for table_name, spec in self.contract.tables.items():
            source = table_name if spec.own_rows else "case"
            columns, kept, keys, readings = sources[source]
            if not columns.table.labels and not columns.rows:
                continue  # a JSON list that is empty in every record
            for name, local in spec.local.items():
                cells = columns.need(local.from_).take(kept)
                value = self.reader.code("local_attribute", "value", local.codes, cells, f"{name}=")
                rows = np.flatnonzero(value.is_valid().to_numpy(zero_copy_only=False))
                own = {
                    "field": pa.array([name] * len(rows), pa.string()),
                    "value": value.take(pa.array(rows)),
                }
                if source == "case":  # a row that names itself has its case
                    readings = pa.array(["ok"] * columns.rows, pa.string())
                parts.append(self._landed_local(columns, kept[rows], keys, readings, own))
        if not parts:
            return self.empty("local_attribute")
        return pa.concat_tables(parts).sort_by(
            [("source", "ascending"), ("source_row", "ascending"), ("field", "ascending")]
        )

    def _landed_local(
        self,
        columns: Columns,
        rows: Places,
        keys: pa.Array,
        readings: pa.Array,
        values: dict[str, pa.Array],
    ) -> pa.Table:
        index, count = pa.array(rows), len(rows)
        own = {
            "mission_code": pa.array([self.contract.mission] * count, pa.string()),
            "case_key": keys.take(index),
            "source": pa.array([columns.name] * count, pa.string()),
            "source_row": columns.source_rows(rows),
            "case_reading": readings.take(index),
            **values,
        }
        schema = landing_schema("local_attribute")
        return pa.table([own[f.name].cast(f.type) for f in schema], schema=schema)


def _cells(columns: Columns, column: Column) -> Cells:
    if column.from_ is None:
        return Cells.constant(column.value or "", columns.rows)
    return columns.need(column.from_)


def _from_cells(columns: Mapping[str, Column]) -> frozenset[str]:
    """The fields that come from a cell: a constant fills nothing."""
    return frozenset(field for field, column in columns.items() if column.from_ is not None)


def _any_filled(
    values: dict[str, pa.Array], table: Table, filling: AbstractSet[str], count: int
) -> np.ndarray:
    """Rows on which one of the fields `filling` is filled."""
    filled = np.zeros(count, np.bool_)
    for field in table.fields:
        if field.name not in filling:
            continue
        filled |= values[landed_name(field)].is_valid().to_numpy(zero_copy_only=False)
        reading = values.get(f"{field.name}_reading")
        if field.reading and reading is not None:  # unreadable, but filled all the same
            blank = pc.fill_null(pc.equal(reading, "blank"), True)
            filled |= ~blank.to_numpy(zero_copy_only=False)
    return filled


def _numbered(case_keys: pa.Array) -> Places:
    """A number for each distinct case key."""
    indices = pc.fill_null(case_keys.dictionary_encode().indices, -1)
    numbers: Places = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _numbers(table: Table, field: Field, case: Places, things: Places) -> pa.Array:
    """1, 2, … in the order of the file: of the things of a case, or of the items of a thing."""
    items = table.item is not None and field.name != table.group
    if not items:
        return _order(case, things)
    numbered = table.group is not None and table.field(table.group).kind is Kind.NUMBER
    return _order(things if numbered else case, np.arange(len(things)))


def _order(scope: Places, things: Places) -> pa.Array:
    """The place of each thing among the different things of its scope, from 1."""
    order = np.lexsort((things, scope))
    scopes, ordered = scope[order], things[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = scopes[1:] != scopes[:-1]
    is_new = is_first.copy()
    is_new[1:] |= ordered[1:] != ordered[:-1]
    count = np.cumsum(is_new)
    before = np.maximum.accumulate(np.where(is_first, count - 1, 0))
    number = np.empty(len(order), np.int64)
    number[order] = count - before
    return pa.array(number)


def _versions(contract: Contract, months: pa.Array | None, count: int) -> pa.Array:
    """The form each case was recorded on, by its month of registration; without one the newest."""
    names = list(contract.versions)
    if len(names) == 1 or months is None:
        return pa.array([names[0] if len(names) == 1 else None] * count, pa.string())
    days = months.to_numpy(zero_copy_only=False).astype("datetime64[D]")
    places = np.full(count, len(names) - 1, np.int64)
    for number, version in enumerate(contract.versions.values()):
        fits = ~np.isnat(days)
        if version.from_ is not None:
            fits &= days >= np.datetime64(version.from_)
        if version.until is not None:
            fits &= days <= np.datetime64(version.until)
        places[fits] = number
    return gather(pa.array(names), places)
