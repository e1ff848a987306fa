"""Canonical tables from the rows of a source: flat rows become many, child rows stay one each.

In: the columns of a source, the rows that are kept, their case keys. Out: an Arrow table with the
columns of `canonical.landing_columns`. One list column makes a row an item; the other fields of
the table stand on each; one column an item (`each`) makes a row for each that is filled.
"""

from __future__ import annotations

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
        source: str,
        columns: Columns,
        kept: Places,
        keys: pa.Array,
        readings: pa.Array,
    ) -> pa.Table:
        """The canonical table `name` from the kept rows of `source`."""
        spec, table = self.contract.tables[name], TABLES[name]
        if not columns.table.labels and not columns.rows:
            return self.empty(name)
        values: dict[str, pa.Array] = {}
        if spec.each:
            rows = self._each(table, spec, columns, kept, values)
        elif spec.lists:
            rows = self._lists(table, spec, columns, kept, values)
        elif table.item and self._listed(table, spec):
            rows = self._listing(table, spec, columns, kept, values)
        else:
            rows = np.arange(len(kept), dtype=np.int64)
            self._scalars(table, spec, columns, kept[rows], values)
            if not spec.own_rows and name != "case":
                filled = _any_filled(values, table)
                rows = rows[filled]
                values = {k: v.filter(pa.array(filled)) for k, v in values.items()}
        return self._landed(table, source, kept[rows], keys, readings, values)

    def _listed(self, table: Table, spec: Spec) -> bool:
        column = spec.columns.get(table.item or "")
        return column is not None and (column.many is not None or not spec.own_rows)

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

    def _lists(
        self, table: Table, spec: Spec, columns: Columns, kept: Places, values: dict[str, pa.Array]
    ) -> Places:
        """One row per item of each of several lists, the status beside it that its list is of."""
        parts: list[tuple[Places, dict[str, pa.Array]]] = []
        for status, column in spec.lists.items():
            own: dict[str, pa.Array] = {}
            fields = {table.item or "": column}
            single = spec.model_copy(update={"columns": fields, "becomes": {}})
            rows = self._listing(table, single, columns, kept, own)
            own["status"] = pa.array([status] * len(rows), pa.string())
            parts.append((rows, own))
        row = np.concatenate([rows for rows, _ in parts])
        order = np.argsort(row, kind="stable")
        for name in parts[0][1]:
            values[name] = pa.concat_arrays([own[name] for _, own in parts]).take(pa.array(order))
        row = row[order]
        self._scalars(table, spec, columns, kept[row], values)
        return row

    def _listing(
        self, table: Table, spec: Spec, columns: Columns, kept: Places, values: dict[str, pa.Array]
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
        lone = np.flatnonzero(~have & _any_filled(scalars, table)) if scalars else row[:0]
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
                values[name], values[reading] = self.reader.month(column, cells)
            case Kind.YEAR:
                values[name], values[reading] = self.reader.year(column, cells)
            case Kind.NUMBER:
                values[name] = self.reader.number(table.name, field, cells)
            case Kind.BAND if column.at is not None:
                at = spec.columns[column.at]
                bands, readings, before = self.reader.age_at(
                    column, cells, at, _cells(columns, at).take(rows)
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
        source: str,
        rows: Places,
        keys: pa.Array,
        readings: pa.Array,
        values: dict[str, pa.Array],
    ) -> pa.Table:
        """The table in landing's columns; numbers that the form lacks follow the file's order."""
        spec, index = self.contract.tables[table.name], pa.array(rows)
        count = len(rows)
        case_keys = keys.take(index)
        own = {
            "mission_code": pa.array([self.contract.mission] * count, pa.string()),
            "case_key": case_keys,
            "source": pa.array([source] * count, pa.string()),
            "source_row": pa.array(rows + 1),
        }
        if table.name == "case":
            own["key_reading"] = readings.take(index)
            own["form_version"] = _versions(self.contract, values.get("registered_month"), count)
        else:
            own["case_reading"] = (
                readings.take(index) if spec.own_rows else pa.array(["ok"] * count, pa.string())
            )
        for field in table.fields:
            if field.kind is Kind.NUMBER:
                order = _order(case_keys if spec.own_rows else None, rows)
                given = values.get(field.name)
                values[field.name] = order if given is None else pc.coalesce(given, order)
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
            columns, kept, keys, _ = sources[source]
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
                ok = pa.array(["ok"] * columns.rows, pa.string())
                parts.append(self._landed_local(source, kept[rows], keys, ok, own))
        if not parts:
            return self.empty("local_attribute")
        return pa.concat_tables(parts).sort_by(
            [("source", "ascending"), ("source_row", "ascending"), ("field", "ascending")]
        )

    def _landed_local(
        self,
        source: str,
        rows: Places,
        keys: pa.Array,
        readings: pa.Array,
        values: dict[str, pa.Array],
    ) -> pa.Table:
        index, count = pa.array(rows), len(rows)
        own = {
            "mission_code": pa.array([self.contract.mission] * count, pa.string()),
            "case_key": keys.take(index),
            "source": pa.array([source] * count, pa.string()),
            "source_row": pa.array(rows + 1),
            "case_reading": readings.take(index),
            **values,
        }
        schema = landing_schema("local_attribute")
        return pa.table([own[f.name].cast(f.type) for f in schema], schema=schema)


def _cells(columns: Columns, column: Column) -> Cells:
    if column.from_ is None:
        return Cells.constant(column.value or "", columns.rows)
    return columns.need(column.from_)


def _any_filled(values: dict[str, pa.Array], table: Table) -> np.ndarray:
    """Rows on which one of the table's fields is filled (readings and bases do not count)."""
    names = [landed_name(f) for f in table.fields if landed_name(f) in values]
    filled = np.zeros(len(values[names[0]]), np.bool_) if names else np.zeros(0, np.bool_)
    for name in names:
        filled |= values[name].is_valid().to_numpy(zero_copy_only=False)
    for reading in (f"{f.name}_reading" for f in table.fields if f.reading):
        if reading in values:  # a date that cannot be read was filled all the same
            blank = pc.fill_null(pc.equal(values[reading], "blank"), True)
            filled |= ~blank.to_numpy(zero_copy_only=False)
    return filled


def _order(case_keys: pa.Array | None, rows: Places) -> pa.Array:
    """1, 2, … in the order of the file: per case, or per row where a row is one case's all."""
    if case_keys is None:
        groups = rows
    else:
        indices = pc.fill_null(case_keys.dictionary_encode().indices, -1)
        groups = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((rows, groups))
    ordered = groups[order]
    start = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, np.bool_)
    at = np.arange(len(ordered))
    first = np.maximum.accumulate(np.where(start, at, 0)) if len(ordered) else at
    number = np.empty(len(rows), np.int64)
    number[order] = at - first + 1
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
