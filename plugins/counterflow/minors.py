"""Who is a minor, for the consent gate: the case source in, a mark per row out.

The age at registration, as it will be landed, decides. Whatever cannot be read is unknown; what is
odd about it is signalled when it is landed, not here.
"""

from __future__ import annotations

import numpy as np

from counterflow.canonical import AGE_BANDS, TABLES
from counterflow.columns import Cells
from counterflow.consent import AGE_UNKNOWN, MINOR, OF_AGE, Minors
from counterflow.contracts import Contract
from counterflow.fields import FieldReader, Signals
from counterflow.sources.headers import Columns
from counterflow.text import fold

_MINOR_BANDS = AGE_BANDS[:2]


def minors(contract: Contract, source: Columns, reader: FieldReader) -> Minors:
    """Per row of the case source MINOR, OF_AGE or AGE_UNKNOWN; all unknown if no column tells."""
    spec, field = contract.tables["case"], TABLES["case"].field("age_band")
    column = spec.columns.get("age_band") or spec.becomes.get("age_band")
    if column is None:
        return np.full(source.rows, AGE_UNKNOWN, np.int8)
    quiet = FieldReader(contract, reader.keys, reader.night, Signals())
    meaning: dict[str, str] = {}
    bands: list[str | None]
    if column.codes is not None:
        meaning = {fold(c): target.code for c, target in contract.code_map(column.codes).items()}
    if column.from_ is None:
        bands = [column.value or ""] * source.rows
    elif column.at is not None and (at := spec.columns[column.at]).from_ is not None:
        born, day = source.need(column.from_), source.need(at.from_)
        bands = quiet.age_at("case", field.name, column, born, at, day)[0].to_pylist()
        to_come = np.array([d is None or d > reader.night for d, _ in quiet.days(at, day)])
        bands = [None if to_come[p] else b for p, b in zip(day.places, bands, strict=True)]
    else:
        cells: Cells = source.need(column.from_)
        bands = quiet.band("case", field, column, cells)[0].to_pylist()
    if quiet.next_reading is not None:
        reader.read_again(quiet.next_reading)
    marks = {band: _mark(meaning.get(band or "", band or "")) for band in set(bands)}
    return np.fromiter((marks[band] for band in bands), np.int8, source.rows)


def _mark(band: str) -> int:
    if band in _MINOR_BANDS:
        return MINOR
    return OF_AGE if band in AGE_BANDS else AGE_UNKNOWN  # a token or nothing tells no age
