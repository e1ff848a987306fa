"""The truth of one export as Parquet: rows of tables and fates of source rows in, files out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from counterflow.synthetic.answers import COLUMNS

TYPES = {"text": pa.string(), "int": pa.int64(), "date": pa.date32()}
ROWS = {
    "source": "text", "source_row": "int", "case_number": "text", "outcome": "text",
    "rule_id": "text", "reason": "text",
}  # fmt: skip
BATCH = 20_000


class Truth:
    """Collects the truth of one export and writes it in batches."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.columns = {**COLUMNS, "rows": ROWS}
        self.held: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self.columns}
        self.writers: dict[str, pq.ParquetWriter] = {}
        for table, columns in self.columns.items():
            schema = pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
            self.writers[table] = pq.ParquetWriter(
                folder / f"{table}.parquet", schema, compression="zstd"
            )

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        """One row that core must hold."""
        held = self.held[table]
        held.append(row)
        if len(held) >= BATCH:
            self._write(table)

    def fate(
        self, source: str, row: int, number: str, outcome: str, rule: str = "", reason: str = ""
    ) -> None:
        """What must become of one source row."""
        self.add("rows", (source, row, number or None, outcome, rule or None, reason or None))

    def close(self) -> None:
        """Write what is left."""
        for table, writer in self.writers.items():
            if self.held[table] or table == "rows":
                self._write(table)
            writer.close()

    def _write(self, table: str) -> None:
        schema = self.writers[table].schema
        columns = zip(*self.held[table], strict=True) if self.held[table] else [()] * len(schema)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        self.writers[table].write_table(pa.Table.from_arrays(arrays, schema=schema))
        self.held[table] = []
