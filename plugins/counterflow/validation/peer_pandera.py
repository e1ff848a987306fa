"""pandera's part of `make bench-validation`, in an environment of its own: nothing of Counterflow is imported.

In: a folder with `<suite>.parquet` and the suites' JSON; a line on standard input for each run. Out: a line of
JSON for each: seconds, and by rule how many rows fail and which.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa


def holds(data: Any, condition: Any) -> Any:
    """The rows of which a row condition holds."""
    if condition is None:
        return pd.Series(True, index=data.index)
    if condition["type"] == "and":
        parts = [holds(data, one) for one in condition["conditions"]]
        return np.logical_and.reduce(parts)
    column, value = data[condition["column"]["name"]], condition["parameter"]
    if condition["operator"] == "IN":
        return column.isin(value)
    same = (column == value).fillna(False).astype(bool)
    return same if condition["operator"] == "==" else ~same


def frame_check(rule: dict[str, Any]) -> pa.Check:
    """A rule with a row condition, or of several columns, as a check of the frame."""
    kwargs, kind = rule["kwargs"], rule["type"]
    condition = kwargs.get("row_condition")

    def passes(data: Any) -> Any:
        on = holds(data, condition)
        if "column_list" in kwargs:
            names = kwargs["column_list"]
            seen = data.loc[on, names].dropna()
            failed = seen[seen.duplicated(keep=False)].index
            return pd.Series(~data.index.isin(failed), index=data.index)
        column = data[kwargs["column"]]
        if kind == "expect_column_values_to_not_be_null":
            return ~on | column.notna()
        inside = column.isin(kwargs["value_set"])
        good = inside if kind == "expect_column_values_to_be_in_set" else ~inside
        return ~on | column.isna() | good

    return pa.Check(
        passes, name=rule["meta"]["rule_id"], error=rule["meta"]["rule_id"], ignore_na=False
    )


def column_check(rule: dict[str, Any]) -> pa.Check:
    """A plain rule of one column."""
    kwargs, name = rule["kwargs"], rule["meta"]["rule_id"]
    if rule["type"] == "expect_column_values_to_be_in_set":
        return pa.Check.isin(kwargs["value_set"], name=name, error=name)
    if rule["type"] == "expect_column_values_to_not_be_in_set":
        return pa.Check.notin(kwargs["value_set"], name=name, error=name)
    if kwargs.get("max_value") is None:
        return pa.Check.ge(kwargs["min_value"], name=name, error=name)
    if kwargs.get("min_value") is None:
        return pa.Check.le(kwargs["max_value"], name=name, error=name)
    return pa.Check.in_range(kwargs["min_value"], kwargs["max_value"], name=name, error=name)


def schema(rules: list[dict[str, Any]]) -> pa.DataFrameSchema:
    """The suite as a schema of pandera."""
    columns: dict[str, list[pa.Check]] = {}
    wide = []
    for rule in rules:
        plain = "row_condition" not in rule["kwargs"] and "column" in rule["kwargs"]
        if plain and rule["type"] != "expect_column_values_to_not_be_null":
            columns.setdefault(rule["kwargs"]["column"], []).append(column_check(rule))
        else:
            wide.append(frame_check(rule))
    return pa.DataFrameSchema(
        {name: pa.Column(checks=checks, nullable=True) for name, checks in columns.items()},
        checks=wide,
    )


def failing(made: pa.DataFrameSchema, data: Any) -> dict[str, Any]:
    """By rule, the rows that fail."""
    try:
        made.validate(data, lazy=True)
    except pa.errors.SchemaErrors as errors:
        if "CHECK_ERROR" in str(list(errors.message)):
            raise RuntimeError("a check could not run") from None
        cases = errors.failure_cases[["check", "index"]].drop_duplicates()
        return {
            rule: rows.to_numpy(dtype=np.int64) for rule, rows in cases.groupby("check")["index"]
        }
    return {}


def main() -> None:
    """A run for each line."""
    folder = Path(sys.argv[1])
    work = []
    for file in sorted(folder.glob("*.parquet")):
        rules = json.loads((folder / f"{file.stem}.json").read_text("utf-8"))["expectations"]
        work.append((schema(rules), pd.read_parquet(file)))
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        found: dict[str, Any] = {}
        for made, data in work:
            found |= failing(made, data)
        took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        rows = {
            rule: [len(at), hashlib.sha256(np.sort(at).tobytes()).hexdigest()]
            for rule, at in found.items()
        }
        print(json.dumps({**took, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()
