"""Landing Parquet in, the frame that Great Expectations judges out.

Only the columns that a rule needs are read, and only one row of each kind is judged (kinds.py). Local codes become the canonical codes that the
mission's code map gives them now, unmapped ones the marker `#unmapped`: so one plain rule fits 72
missions, a repaired mapping resolves rows without reading an export again, and no local value ever
reaches Great Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterflow.canonical import MISSING, TABLES, Kind, landing_columns
from counterflow.sealing import SealRefusedError
from counterflow.validation.errors import LandingError
from counterflow.validation.kinds import Places, kinds
from counterflow.validation.model import LandedExport
from counterflow.validation.rules import Suite

if TYPE_CHECKING:
    import pandas as pd

UNMAPPED = "#unmapped"
_MANY = 10  # fewer unmapped values of a field say nothing about its code list
CODED = frozenset({Kind.CODE, Kind.ANSWER, Kind.COUNTRY, Kind.BAND})
# The name of a local attribute comes from the contract, not from a cell: there is nothing to map.
ASKED = "_asked"  # `<field>_asked`: whether the form of the row's case asks the field: yes or no
NOT_A_LOCAL_CODE = frozenset({("local_attribute", "field")})
KEY_READINGS = frozenset({"key_reading", "case_reading"})
ARROW = {"text": pa.string(), "int64": pa.int64(), "date": pa.date32()}

Codes = Mapping[tuple[str, str], Mapping[str, str | None]]  # (table, field) -> local code -> code


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mission's rows of a table, before any is left out."""

    data: pa.Table  # the columns that rules need
    source: pa.Array
    source_row: pa.Array
    coded: int  # values of coded fields
    unmapped: int  # those that the mission's code map does not hold


@dataclass(frozen=True, slots=True)
class Part:
    """What one mission brings to a frame."""

    mission_code: str
    data: pa.Table  # the columns that rules need, ready to be judged: one row of each kind
    kept: Places  # where these rows stand among all
    rows: Mapping[str, Places]  # rule id -> of each row of all, its place in `data`
    source: pa.Array  # of all rows
    source_row: pa.Array
    coded: int = 0  # values of coded fields
    unmapped: int = 0  # those that the mission's code map does not hold


@dataclass(frozen=True, slots=True)
class Frame:
    """The judged rows of several missions; a row's id is its position."""

    missions: tuple[str, ...]
    data: pd.DataFrame
    starts: tuple[int, ...]  # where the rows of each of `missions` begin; and the end


def coded_fields(table: str) -> tuple[str, ...]:
    """The fields of `table` that hold local codes."""
    return tuple(
        field.name
        for field in TABLES[table].fields
        if field.kind in CODED and (table, field.name) not in NOT_A_LOCAL_CODE
    )


def code_lookup(code_map: pa.Table) -> Codes:
    """The code map as one dictionary a field."""
    lookup: dict[tuple[str, str], dict[str, str | None]] = {}
    names = ("table_name", "field", "local_code", "code")
    columns = (code_map.column(name).to_pylist() for name in names)
    for table, field, local, code in zip(*columns, strict=True):
        lookup.setdefault((table, field), {})[local] = code
    return lookup


def landed_rows(export: LandedExport) -> int:
    """Landing rows of an export, over all tables, from the files' footers alone."""
    files = (export.path / f"{table}.parquet" for table in TABLES)
    return export.seal.count(*(file for file in files if file.is_file()))


def read_part(export: LandedExport, suite: Suite, codes: Codes) -> Part:
    """One mission's rows of a suite's table, ready to be judged. LandingError if the file is not as promised."""
    return part_of(export.mission_code, suite, prepared(export, suite, codes))


def part_of(mission: str, suite: Suite, all_: Prepared) -> Part:
    """The rows of a mission, one of each kind to be judged."""
    kept, rows, data = kinds(all_.data, suite.expectations)
    return Part(mission, data, kept, rows, all_.source, all_.source_row, all_.coded, all_.unmapped)


def prepared(export: LandedExport, suite: Suite, codes: Codes) -> Prepared:
    """All rows of a mission's table, in canonical codes and with the columns that rules need."""
    table = suite.name
    types, wanted = landing_columns(table), set(suite.columns)
    for name, sources in ((n, s) for t, n, s, _ in DERIVED if t == table):
        if name in wanted:
            wanted |= set(sources)
    if any(name.endswith(ASKED) for name in wanted):
        wanted |= {"form_version"} if table == "case" else {"case_key"}
    coded = coded_fields(table)
    # Coded fields are always read: the share of unmapped values is a rule of the profile.
    names = [n for n in types if n in wanted or n in coded or n in ("source", "source_row")]
    columns = _read(export, table, {name: types[name] for name in names})
    counts = [(0, 0)]
    for field in coded:
        columns[field], values, strange = _canonical(columns[field], codes.get((table, field), {}))
        counts.append((values, strange))
    # Of the field that fits its codes worst: one changed code list is enough to empty a table.
    counted, unmapped = max(counts, key=lambda c: (c[1] >= _MANY, c[1] / max(c[0], 1), c[0]))
    for name in names:
        if name in KEY_READINGS:  # a reading that ingest forgot to state is no reading
            columns[name] = pc.fill_null(columns[name], "blank")
        elif name.endswith("_reading"):  # nothing was written, so there is nothing to judge
            columns[name] = pc.if_else(pc.equal(columns[name], "blank"), None, columns[name])
    source, source_row = columns["source"], columns["source_row"]
    columns["mission_code"] = _all(export.mission_code, len(source))
    for name in wanted:
        if name.endswith(ASKED):
            columns[name] = _is_asked(export, table, name.removesuffix(ASKED), columns)
    for _, name, sources, derive in (d for d in DERIVED if d[0] == table and d[1] in wanted):
        columns[name] = derive(*(columns[s] for s in sources))
    everything = pa.table({name: columns[name] for name in sorted(wanted & columns.keys())})
    return Prepared(everything, source, source_row, counted, unmapped)


def join(parts: Iterable[Part]) -> Frame:
    """One frame of the rows of all `parts`."""
    parts = list(parts)
    starts = tuple(accumulate((part.data.num_rows for part in parts), initial=0))
    data = pa.concat_tables([part.data for part in parts]).to_pandas(date_as_object=False)
    return Frame(tuple(part.mission_code for part in parts), data, starts)


def _read(export: LandedExport, table: str, types: Mapping[str, str]) -> dict[str, pa.Array]:
    file = export.path / f"{table}.parquet"
    if not file.is_file():
        raise LandingError(f"{table}.parquet is missing")
    try:
        read = export.seal.read(file, list(types))
    except SealRefusedError:
        read = export.seal.schema(file).empty_table()  # it can be opened, so it lacks a column
    for name, kind in types.items():
        if name not in read.column_names or not _fits(read.schema.field(name).type, kind):
            raise LandingError(f"{table}.parquet: column {name} must be {kind}")
    return {
        name: read.column(name).cast(ARROW[kind]).combine_chunks() for name, kind in types.items()
    }


def _fits(found: pa.DataType, kind: str) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    fits: dict[str, bool] = {
        "text": pa.types.is_string(found) or pa.types.is_large_string(found),
        "int64": pa.types.is_integer(found),
        "date": pa.types.is_date(found),
    }
    return fits[kind] or pa.types.is_null(found)


def _canonical(column: pa.Array, codes: Mapping[str, str | None]) -> tuple[pa.Array, int, int]:
    """The canonical codes of `column`, how many values it has, and how many are not mapped.

    Works on the column's distinct values, of which there are few, so Python touches no row.
    The codes come as a dictionary without repeats.
    """
    encoded = column.dictionary_encode()
    local = encoded.dictionary.to_pylist()
    known = [value in codes for value in local]
    code = [
        (codes[value] or MISSING) if is_known else UNMAPPED
        for value, is_known in zip(local, known, strict=True)
    ]
    places = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    strange = int(np.count_nonzero(~np.array(known, dtype=bool)[places])) if local else 0
    number = {one: place for place, one in enumerate(dict.fromkeys(code))}
    indices = pc.take(pa.array([number[one] for one in code], pa.int32()), encoded.indices)
    canonical = pa.DictionaryArray.from_arrays(indices, pa.array(list(number), pa.string()))
    return canonical, len(places), strange


def _all(value: str, rows: int) -> pa.Array:
    """A column of one value."""
    nothing_but = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(nothing_but, pa.array([value], pa.string()))


def _is_asked(
    export: LandedExport, table: str, field: str, columns: Mapping[str, pa.Array]
) -> pa.Array:
    """`yes` or `no` for each row; a case whose form is not known was asked what any form asks."""
    if export.asked is None:
        return _all("yes", len(columns["source"]))
    names = ("form_version", "table_name", "field", "item", "is_asked")
    rows = zip(*(export.asked.column(name).to_pylist() for name in names), strict=True)
    asking = {v for v, t, f, item, yes in rows if (t, f, item) == (table, field, None) and yes}
    if not asking:
        return _all("no", len(columns["source"]))
    if table == "case":
        versions = columns["form_version"]
    else:
        cases = _read(export, "case", {"case_key": "text", "form_version": "text"})
        place = pc.index_in(columns["case_key"], value_set=cases["case_key"], skip_nulls=True)
        versions = cases["form_version"].take(place)
    encoded = versions.dictionary_encode()
    said = ["yes" if version in asking else "no" for version in encoded.dictionary.to_pylist()]
    found = pc.take(pa.array(said, pa.string()), encoded.indices)
    return pc.fill_null(found, "yes")


def _country_change(start: pa.Array, end: pa.Array) -> pa.Array:
    """`moves` or `stays`; null unless both countries are known."""
    start, end = (c.cast(pa.string()) for c in (start, end))
    known = pa.array([MISSING, UNMAPPED])
    judged = pc.invert(pc.or_(pc.is_in(start, known), pc.is_in(end, known)))
    change = pc.if_else(pc.equal(start, end), "stays", "moves")
    return pc.if_else(judged, change, None)


# (table, column, made from, how): comparisons of two columns for which GX only has a rule that
# loops over rows in Python (expect_select_column_values_to_be_unique_within_record: 4 s for
# 200,000 rows, against 0.05 s for a set).
DERIVED: tuple[tuple[str, str, tuple[str, ...], Callable[..., pa.Array]], ...] = (
    ("route_leg", "country_change", ("from_country", "to_country"), _country_change),
)
