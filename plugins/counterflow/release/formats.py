"""The formats of a release's tables: CSV, Parquet and Stata, written and read back.

In: an Arrow table of text (and `cases`, a whole number). Out: three files that hold the same values, byte for
byte the same for the same values. No cell is empty, so a missing value cannot be mistaken for another.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

COUNT = "cases"
FORMATS = ("csv", "parquet", "dta")
READABLE = 0o755  # a folder that everybody may enter
_LABEL = 80  # characters that Stata keeps of a variable's label


def write(table: pa.Table, folder: Path, name: str, labels: Mapping[str, str], night: date) -> None:
    """Write `table` to `folder/<name>.csv`, `.parquet` and `.dta`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(csv_text(table), "utf-8", newline="")
    pq.write_table(
        table.replace_schema_metadata(None), folder / f"{name}.parquet", compression="zstd"
    )
    _write_stata(table, folder / f"{name}.dta", labels, night)


def csv_text(table: pa.Table, second: list[str] | None = None) -> str:
    """The table as CSV; `second` is a row under the names, as the Humanitarian Exchange Language has one."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(table.column_names)
    if second is not None:
        writer.writerow(second)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return target.getvalue()


def _write_stata(table: pa.Table, path: Path, labels: Mapping[str, str], night: date) -> None:
    frame = pd.DataFrame(
        {
            name: pd.Series(table[name].to_pylist(), dtype="int32")
            if name == COUNT
            else pd.Categorical(table[name].to_pylist(), sorted(set(table[name].to_pylist())))
            for name in table.column_names
        }
    )
    frame.to_stata(
        path,
        write_index=False,
        version=118,
        time_stamp=datetime.combine(night, time()),
        variable_labels={name: labels.get(name, name)[:_LABEL] for name in table.column_names},
    )


def read(folder: Path, name: str, kind: str) -> pa.Table:
    """The table as one of its files holds it: text, and whole numbers in `cases`."""
    path = folder / f"{name}.{kind}"
    if kind == "parquet":
        table = pq.read_table(path)
        return typed(table.column_names, [column.to_pylist() for column in table.columns])
    if kind == "dta":
        frame = pd.read_stata(path)
        return typed(list(frame.columns), [frame[c].tolist() for c in frame.columns])
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    return typed(
        lines[0], [list(c) for c in zip(*lines[1:], strict=True)] or [[] for _ in lines[0]]
    )


def typed(names: list[str], columns: list[list[Any]]) -> pa.Table:
    """Columns as a release has them. Raises ValueError on an empty cell."""
    made: dict[str, pa.Array] = {}
    for name, values in zip(names, columns, strict=True):
        if any(value is None or value == "" or value != value for value in values):
            raise ValueError(f"{name} has an empty cell")
        made[name] = (
            pa.array([int(value) for value in values], pa.int64())
            if name == COUNT
            else pa.array([str(value) for value in values], pa.string())
        )
    return pa.table(made)


def freeze(folder: Path) -> None:
    """Make every file read-only, for everybody to read."""
    for path in sorted(folder.rglob("*")):
        path.chmod(READABLE if path.is_dir() else 0o444)
    folder.chmod(READABLE)
