"""What belongs to a whole export, as one row a mission and table, ready for plain rules.

In: profile.parquet as ingest wrote it, the contract's assertions, the profile of the export in
force before, and the coded and unmapped values just counted against the current code map. Out: a
part whose columns hold each comparison (a fall beside the largest allowed fall), so that the rules
of `profile.json` are comparisons of two columns or with one number. An empty cell: nothing to
compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.canonical import TABLES, landed_name
from counterflow.validation.errors import LandingError
from counterflow.validation.frames import Part
from counterflow.validation.model import LandedExport, Observed
from counterflow.validation.rules import PROFILE, Suite

COLUMNS = {
    "mission_code": pa.string(),
    "table_name": pa.string(),
    "rows": pa.int64(),
    "min_rows": pa.int64(),
    "previous_rows": pa.int64(),
    "fall": pa.float64(),  # 1 - rows / previous_rows
    "max_fall": pa.float64(),
    "rise": pa.float64(),  # rows / previous_rows
    "filled_gap": pa.float64(),  # of the field that is furthest below its asserted share
    "coded_values": pa.int64(),
    "unmapped_values": pa.int64(),
    "unmapped_share": pa.float64(),
    "repeats": pa.int64(),
    "repeat_share": pa.float64(),
    "is_older": pa.int64(),  # 1: its newest month is earlier and it holds fewer rows
}
# Shares are ratios of whole numbers: rounding keeps 1 - 7/10 from being more than 0.3.
DIGITS = 9


@dataclass(frozen=True, slots=True)
class Profile:
    """A mission's profile: the part that is judged, and the numbers that explain it."""

    part: Part
    observed: Mapping[tuple[str, str], Observed]  # (table, rule id) -> what to tell people


def profile(export: LandedExport, suite: Suite, counted: Mapping[str, tuple[int, int]]) -> Profile:
    """The profile of `export`; `counted`: table -> coded values, unmapped values."""
    landed = _landed(export)
    rows, observed = [], {}
    for table in TABLES:
        row, told = _row(export, suite, table, landed[table], counted[table])
        rows.append(row)
        observed.update({(table, f"{PROFILE}.{name}"): numbers for name, numbers in told.items()})
    data = pa.Table.from_pylist(rows, schema=pa.schema(list(COLUMNS.items())))
    places = pa.array(range(1, len(rows) + 1), pa.int64())
    own = np.arange(len(rows))  # every row is judged
    stands = {rule.rule_id: own for rule in suite.expectations}
    tables = data.column("table_name").combine_chunks()
    return Profile(Part(export.mission_code, data, own, stands, tables, places), observed)


def _landed(export: LandedExport) -> dict[str, dict[str, Any]]:
    file = export.path / "profile.parquet"
    if not file.is_file():
        raise LandingError("profile.parquet is missing")
    landed = {row["table_name"]: row for row in export.seal.read(file).to_pylist()}
    if absent := [table for table in TABLES if table not in landed]:
        raise LandingError(f"profile.parquet has no row of {', '.join(absent)}")
    return landed


def _row(
    export: LandedExport,
    suite: Suite,
    table: str,
    landed: Mapping[str, Any],
    counted: tuple[int, int],
) -> tuple[dict[str, Any], dict[str, Observed]]:
    asserted = export.assertions.get(table) or {}
    before = (export.previous or {}).get(table) or {}
    rows, previous = int(landed["rows"]), before.get("rows")
    (coded, unmapped), repeats = counted, int(landed["repeats"] or 0)
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"mission_code": export.mission_code, "table_name": table, "rows": rows}
    row |= {"coded_values": coded, "unmapped_values": unmapped, "previous_rows": previous}
    told: dict[str, Observed] = {}

    if (least := asserted.get("min_rows")) is not None:
        row["min_rows"] = least
        told["rows_minimum"] = {"rows": rows, "min_rows": least}
    if previous and previous >= suite.setting("profile.rows_fall", "from_rows"):
        allowed = asserted.get("max_fall")
        if allowed is None:
            allowed = suite.setting("profile.rows_fall", "default_max_fall")
        row["max_fall"], row["fall"] = allowed, round(1 - rows / previous, DIGITS)
        row["rise"] = round(rows / previous, DIGITS)
        numbers = {"rows": rows, "previous_rows": previous}
        told["rows_fall"] = {**numbers, "fall": _share(row["fall"]), "max_fall": allowed}
        told["rows_rise"] = numbers
    if asserted.get("filled") and rows:
        field, found, least_filled = _emptiest(table, landed, asserted["filled"])
        row["filled_gap"] = round(least_filled - found, DIGITS)
        told["filled"] = {"field": field, "filled": _share(found), "minimum": least_filled}
    if coded:
        few = unmapped < suite.setting("profile.unmapped_share", "at_least")
        row["unmapped_share"] = 0.0 if few else round(unmapped / coded, DIGITS)
        told["unmapped_share"] = {"coded_values": coded, "unmapped_values": unmapped}
    if table == "case" and rows:
        few = repeats < suite.setting("profile.repeat_share", "at_least")
        row["repeats"], row["repeat_share"] = (
            repeats,
            0.0 if few else round(repeats / rows, DIGITS),
        )
        told["repeat_share"] = {"rows": rows, "repeats": repeats}
    # Only cases: a child table loses its newest row whenever that one case is corrected.
    newest, newest_before = _month(landed["newest_month"]), _month(before.get("newest_month"))
    if table == "case" and newest and newest_before and previous is not None:
        row["is_older"] = int(newest < newest_before and rows < previous)
        months = (newest_before.year - newest.year) * 12 + newest_before.month - newest.month
        told["not_older"] = {"rows": rows, "previous_rows": previous, "months_older": months}
    return row, told


def _emptiest(
    table: str, landed: Mapping[str, Any], filled: Mapping[str, float]
) -> tuple[str, float, float]:
    """The field furthest below its asserted share: its name, its share, the asserted one."""
    found = {item["field"]: float(item["filled"]) for item in landed["fill"] or ()}
    # Ingest and contracts may say `registered_on` or what is landed of it, `registered_month`.
    for field in TABLES[table].fields:
        for one, other in (
            (field.name, landed_name(field)),
            (landed_name(field), field.name),
        ):
            if one in found:
                found.setdefault(other, found[one])
    if strange := sorted(set(filled) - set(found)):
        raise LandingError(f"profile.parquet has no fill rate of {table}.{', '.join(strange)}")
    return min(
        ((name, found[name], float(least)) for name, least in sorted(filled.items())),
        key=lambda item: item[1] - item[2],
    )


def _month(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _share(value: float) -> float:
    return round(value, 3)
