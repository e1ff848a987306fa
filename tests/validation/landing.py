"""Small landing folders, as ingest promises them: rows as dicts in, a `LandedExport` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow.canonical import TABLES, Kind, landed_name, landing_columns
from counterflow.sealing import Seal
from counterflow.validation import LandedExport
from counterflow.validation.frames import coded_fields

NIGHT = date(2010, 11, 25)
SEAL = Seal(bytes(range(32)), "test")
ARROW = {"text": pa.string(), "int64": pa.int64(), "date": pa.date32()}
Row = dict[str, Any]


def case(number: int, **changes: Any) -> Row:
    """A case row that every rule accepts."""
    row: Row = {
        "case_key": f"{number:032x}",
        "source": "case",
        "source_row": number,
        "key_reading": "ok",
        "form_version": "1",
        "registered_month": date(2010, 3, 1),
        "registered_on_reading": "ok",
        "age_band": "21-23",
        "age_band_reading": "ok",
        "gender": "F",
        "country_of_exploitation": "Rusia",
    }
    return row | changes


def child(number: int, source: str, **changes: Any) -> Row:
    """A row of a child table, of the case with the same number."""
    row: Row = {
        "case_key": f"{number:032x}",
        "source": source,
        "source_row": number,
        "case_reading": "ok",
    }
    return row | changes


# Local code -> canonical code; every coded field of every table knows these.
KNOWN = {
    "F": "female",
    "M": "male",
    "21-23": "21-23",
    "0-8": "0-8",
    "casatorita": "married",
    "Rusia": "RUS",
    "Moldova": "MDA",
    "-99": "unknown",
    "da": "yes",
    "nu": "no",
    "ocazional": "psychological_abuse",
    "munca": "forced_labour",
    "sexual": "sexual_exploitation",
    "constructii": "f_construction",
    "oferit": "provided",
}


def code_map(extra: Iterable[tuple[str, str, str, str | None]] = ()) -> pa.Table:
    """KNOWN for every coded field, and `extra` rows (table, field, local code, code)."""
    rows = [
        (table, field, local, code)
        for table in TABLES
        for field in coded_fields(table)
        for local, code in KNOWN.items()
    ]
    names = ("table_name", "field", "local_code", "code", "relation")
    listed = [dict(zip(names, (*row, "exact"), strict=True)) for row in (*rows, *extra)]
    return pa.Table.from_pylist(listed, schema=pa.schema([(n, pa.string()) for n in names]))


def form(*asked: tuple[str, str, str, bool]) -> pa.Table:
    """What forms ask: (version, table, field, whether it is on the form)."""
    rows = [
        {"form_version": v, "table_name": t, "field": f, "item": None, "is_asked": is_asked}
        for v, t, f, is_asked in asked
    ]
    names = [(n, pa.string()) for n in ("form_version", "table_name", "field", "item")]
    return pa.Table.from_pylist(rows, schema=pa.schema([*names, ("is_asked", pa.bool_())]))


def land(
    root: Path,
    mission: str,
    tables: Mapping[str, list[Row]],
    *,
    codes: pa.Table | None = None,
    assertions: Mapping[str, Mapping[str, Any]] | None = None,
    previous: Mapping[str, Mapping[str, Any]] | None = None,
    profile: Mapping[str, Row] | None = None,
    export: str = "0123456789abcdef-01234567",
    asked: pa.Table | None = None,
) -> LandedExport:
    """Write the landing folder of one export; `profile` overrides rows of profile.parquet."""
    path = root / mission / "exports" / export
    path.mkdir(parents=True)
    profiles = []
    for table in TABLES:
        types = {name: ARROW[kind] for name, kind in landing_columns(table).items()}
        rows = [{"mission_code": mission, **row} for row in tables.get(table, [])]
        landed = pa.Table.from_pylist(rows, schema=pa.schema(list(types.items())))
        SEAL.write(landed, path / f"{table}.parquet")
        profiles.append(profile_row(table, landed) | dict((profile or {}).get(table, {})))
    SEAL.write(pa.Table.from_pylist(profiles, schema=PROFILE), path / "profile.parquet")
    return LandedExport(
        mission, path, codes or code_map(), assertions or {}, previous or None, NIGHT, SEAL, asked
    )


PROFILE = pa.schema(
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


def profile_row(table: str, landed: pa.Table) -> Row:
    """What ingest says of a table."""
    fill, months = [], []
    for field in TABLES[table].fields:
        column = landed.column(landed_name(field))
        filled = 1 - column.null_count / landed.num_rows if landed.num_rows else 0.0
        fill.append({"field": field.name, "filled": filled})
        if field.kind is Kind.MONTH:
            months += [month for month in column.to_pylist() if month]
    repeats = 0
    if table == "case":
        readings = landed.column("key_reading").to_pylist()
        repeats = sum(reading in ("repeat", "conflict") for reading in readings)
    return {
        "table_name": table,
        "rows": landed.num_rows,
        "fill": fill,
        "coded_values": 0,  # validation counts these itself, against the current code map
        "unmapped_values": 0,
        "repeats": repeats,
        "newest_month": max(months, default=None),
    }


def results(verdict: Any) -> dict[str, Row]:
    """results.parquet by rule id."""
    rows = SEAL.read(verdict.folder / "results.parquet").to_pylist()
    assert len({row["rule_id"] for row in rows}) == len(rows)
    return {row["rule_id"]: row for row in rows}


def failures(verdict: Any) -> set[tuple[str, str, int, str]]:
    """failures.parquet as (table, source, source row, rule)."""
    rows = SEAL.read(verdict.folder / "failures.parquet").to_pylist()
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    return {tuple(row.values()) for row in rows}
