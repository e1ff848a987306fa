"""The profile of an export: one row per canonical table, all counts, nothing of a person."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

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


@dataclass(slots=True)
class _Counts:
    """What was counted of one table until now."""

    rows: int = 0
    filled: Counter[str] = dataclasses.field(default_factory=Counter)  # by field
    coded: int = 0
    unmapped: int = 0
    repeats: int = 0
    newest: date | None = None

    def add(self, name: str, table: pa.Table) -> None:
        """Count some rows of the table `name`."""
        self.rows += table.num_rows
        for field in TABLES[name].fields:
            column = table.column(landed_name(field))
            filled = table.num_rows - column.null_count
            self.filled[field.name] += filled
            if field.kind in _CODED:
                self.coded += filled
                self.unmapped += pc.sum(pc.starts_with(column, TOKEN)).as_py() or 0
            if field.kind is Kind.MONTH and (newest := pc.max(column).as_py()):
                self.newest = max(newest, self.newest or newest)
        if name == "case":
            readings = table.column("key_reading")
            self.repeats += (
                pc.sum(pc.is_in(readings, pa.array(["repeat", "conflict"]))).as_py() or 0
            )


class Profile:
    """The counts of an export's tables, of as many parts as it is read in."""

    def __init__(self) -> None:
        self._tables: dict[str, _Counts] = {}

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Count the tables of one part."""
        for name, table in tables.items():
            self._tables.setdefault(name, _Counts()).add(name, table)

    def table(self, grown: Mapping[str, float]) -> pa.Table:
        """Volume, fill rates (0 to 1), unmapped codes, repeats and the newest month of each table.

        `grown`: by table, how many times as many rows its source held before the consent gate. The
        volume is counted as if all had landed, so that withdrawn consents do not look like a fall.
        """
        rows = [
            {
                "table_name": name,
                "rows": round(counts.rows * grown.get(name, 1.0)),
                "fill": [
                    {"field": field, "filled": filled / counts.rows if counts.rows else 0.0}
                    for field, filled in counts.filled.items()
                ],
                "coded_values": counts.coded,
                "unmapped_values": counts.unmapped,
                "repeats": counts.repeats,
                "newest_month": counts.newest,
            }
            for name, counts in self._tables.items()
        ]
        return pa.Table.from_pylist(rows, PROFILE_SCHEMA)
