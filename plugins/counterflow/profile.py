"""The profile of an export: one row per canonical table, all counts, nothing of a person."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from counterflow.canonical import TABLES, Kind, landed_name
from counterflow.depersonalise import TOKEN

PROFILE_SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        ("fill", pa.list_(pa.struct([("field", pa.string()), ("filled", pa.float64())]))),
        ("coded_values", pa.int64()),
        ("unmapped_values", pa.int64()),
        ("repeats", pa.int64()),
        ("newest_month", pa.date32()),
    ]
)
_CODED = (Kind.CODE, Kind.ANSWER, Kind.COUNTRY, Kind.BAND)


def profile(tables: Mapping[str, pa.Table], grown: Mapping[str, float]) -> pa.Table:
    """Volume, fill rates (0 to 1), unmapped codes, repeats and the newest month of each table.

    `grown`: by table, how many times as many rows its source held before the consent gate. The
    volume is counted as if all had landed, so that withdrawn consents do not look like a fall.
    """
    rows = [_row(name, table, grown.get(name, 1.0)) for name, table in tables.items()]
    return pa.Table.from_pylist(rows, PROFILE_SCHEMA)


def _row(name: str, table: pa.Table, grown: float) -> dict[str, object]:
    fill, coded, unmapped, months = [], 0, 0, []
    for field in TABLES[name].fields:
        column = table.column(landed_name(field))
        filled = table.num_rows - column.null_count
        fill.append(
            {"field": field.name, "filled": filled / table.num_rows if table.num_rows else 0.0}
        )
        if field.kind in _CODED:
            coded += filled
            tokens = pc.sum(pc.starts_with(column, TOKEN)).as_py()
            unmapped += tokens or 0
        if field.kind is Kind.MONTH:
            months.append(pc.max(column).as_py())
    repeats = 0
    if name == "case":
        readings = table.column("key_reading")
        repeats = pc.sum(pc.is_in(readings, pa.array(["repeat", "conflict"]))).as_py() or 0
    return {
        "table_name": name,
        "rows": round(table.num_rows * grown),
        "fill": fill,
        "coded_values": coded,
        "unmapped_values": unmapped,
        "repeats": repeats,
        "newest_month": max((m for m in months if m), default=None),
    }
