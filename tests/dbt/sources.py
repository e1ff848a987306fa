"""A small `build/sources` tree for dbt: rows are said in tests as they would be landed, files are written as ingest writes them.

In: landed rows, code maps, forms and verdicts, one call each. Out: the Parquet of docs/internals.md, section 7.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow import canonical, keys
from counterflow.consent import REASONS
from counterflow.sealing import Seal

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
KEY_ID = "0123abcd"
NIGHT = date(2010, 11, 25)
TYPES = {
    "text": pa.string(),
    "int64": pa.int64(),
    "date": pa.date32(),
    "bool": pa.bool_(),
    "double": pa.float64(),
}

# Columns of the sources that are one file each.
OTHERS: dict[str, dict[str, str]] = {
    "mission": dict.fromkeys(
        ("mission_code", "mission_name", "region", "languages", "dialect", "steward", "cadence"),
        "text",
    ),
    "load": {
        "night": "date",
        "mission_code": "text",
        "status": "text",
        "export_sha256": "text",
        "export": "text",
        "rows_read": "int64",
        "rows_accepted": "int64",
        "rows_quarantined": "int64",
        "rows_withheld": "int64",
        "rows_blank": "int64",
        "is_stale": "bool",
        "message": "text",
        **{f"withheld_{reason}": "int64" for reason in REASONS},
        "loaded_night": "date",
        "days_since_success": "int64",
    },
    "failure": {
        "mission_code": "text",
        "table_name": "text",
        "source": "text",
        "source_row": "int64",
        "rule_id": "text",
    },
    "rule_result": {
        "night": "date",
        "mission_code": "text",
        "table_name": "text",
        "rule_id": "text",
        "severity": "text",
        "status": "text",
        "rows_checked": "int64",
        "rows_failed": "int64",
    },
    "signal": {
        "night": "date",
        "mission_code": "text",
        "kind": "text",
        "table_name": "text",
        "field": "text",
        "detail": "text",
        "rows": "int64",
    },
    "code_map": dict.fromkeys(
        ("mission_code", "table_name", "field", "local_code", "code", "relation", "label"), "text"
    ),
    "form_version": {
        "mission_code": "text",
        "form_version": "text",
        "valid_from": "date",
        "valid_until": "date",
    },
    "asked": {
        "mission_code": "text",
        "form_version": "text",
        "table_name": "text",
        "field": "text",
        "item": "text",
        "mode": "text",
        "not_chosen": "text",
        "is_asked": "bool",
        "relation": "text",
        "note": "text",
        "item_group": "text",
    },
    "dbt_result": {
        "unique_id": "text",
        "resource_type": "text",
        "name": "text",
        "status": "text",
        "failures": "int64",
        "table_name": "text",
    },
}
ROWS = {"mission_code": "text", "source": "text", "source_row": "int64", "case_key": "text"}
IN_FORCE = {"mission_code": "text", "loaded_night": "date"}
DERIVED_NIGHT = {"night": "date", "landing_sha256": "text"}


@dataclass
class Sources:
    """The sources of one night, growing call by call; `write` makes the files."""

    home: Path
    night: date
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def seal(self) -> Seal:
        """Of a key that the home has from its first use on."""
        keys.init(self.home / "keys")
        return Seal(keys.read_file(self.home / "keys" / keys.MASTER), "test")

    def land(self, mission: str, table: str, row: int, case: str | None, **values: Any) -> None:
        """One landing row of `table`, from row `row` of the source `values['source']` (the table itself)."""
        values.setdefault("source", table)
        if table == "case":
            values.setdefault("key_id", KEY_ID)
        self.tables[table].append(
            {"mission_code": mission, "source_row": row, "case_key": case, **values}
        )

    def put(self, name: str, **values: Any) -> None:
        """One row of a source that is one file."""
        self.tables[name].append(values)

    def mission(self, code: str, status: str = "loaded", **load: Any) -> None:
        """A mission and its load of the night; counts not given are 0."""
        self.put("mission", mission_code=code, mission_name=code.title(), region="Europe")
        counts = {name: 0 for name in OTHERS["load"] if name.startswith(("rows_", "withheld_"))}
        self.put(
            "load",
            **{
                "night": self.night,
                "mission_code": code,
                "status": status,
                "export_sha256": "0" * 64,
                "export": "0" * 16,
                "is_stale": False,
                "message": "",
                "loaded_night": self.night,
                "days_since_success": 0,
                **counts,
                **load,
            },
        )

    def codes(self, mission: str, column: str, codes: dict[str, str], **values: Any) -> None:
        """Local codes of `table.field` and what they mean."""
        table, name = column.split(".")
        for local, code in codes.items():
            self.put(
                "code_map",
                mission_code=mission,
                table_name=table,
                field=name,
                local_code=local,
                code=code,
                **{"relation": "exact", "label": None, **values},
            )

    def form(self, mission: str, version: str, *columns: str, **values: Any) -> None:
        """Fields (`case.gender`) or items (`control.means_of_control.debt_bondage`) that the form asks."""
        if not any(
            (row["mission_code"], row["form_version"]) == (mission, version)
            for row in self.tables["form_version"]
        ):
            self.put("form_version", mission_code=mission, form_version=version)
        for column in columns:
            table, name, *item = column.split(".")
            self.put(
                "asked",
                **{
                    "mission_code": mission,
                    "form_version": version,
                    "table_name": table,
                    "field": name,
                    "item": item[0] if item else None,
                    "mode": None,
                    "not_chosen": None,
                    "is_asked": True,
                    "relation": "exact",
                    "note": None,
                    "item_group": None,
                    **values,
                },
            )

    def fail(self, mission: str, source: str, row: int, rule: str) -> None:
        """A critical rule that a source row failed."""
        self.put(
            "failure",
            mission_code=mission,
            table_name=rule.split(".")[0],
            source=source,
            source_row=row,
            rule_id=rule,
        )

    def write(self) -> None:
        """The Parquet files, a mission a file where ingest lands one a mission."""
        landed: dict[tuple[str, str, int], dict[str, Any]] = {}
        for table in canonical.TABLES:
            columns = canonical.landing_columns(table)
            rows = self.tables[table]
            for row in rows:
                key = (row["mission_code"], row["source"], row["source_row"])
                landed[key] = {name: row[name] for name in ROWS}
            self._write_by_mission(table, columns, rows)
        self._write_by_mission("rows", ROWS, list(landed.values()))
        night = [{"night": self.night, "landing_sha256": "0" * 64}]
        self._file("derived_night", "derived_night", DERIVED_NIGHT, night)
        loaded: dict[str, dict[str, Any]] = {}
        for row in sorted(self.tables["load"], key=lambda row: row["night"]):
            loaded[row["mission_code"]] = {name: row[name] for name in IN_FORCE}
        self._file("in_force", "in_force", IN_FORCE, list(loaded.values()))
        for name, columns in OTHERS.items():
            if name != "dbt_result":
                self._file(name, name, columns, self.tables[name])

    def _write_by_mission(
        self, name: str, columns: dict[str, str], rows: list[dict[str, Any]]
    ) -> None:
        by_mission: dict[str, list[dict[str, Any]]] = {"_empty": []}
        for row in rows:
            by_mission.setdefault(row["mission_code"], []).append(row)
        for mission, its_rows in by_mission.items():
            self._file(name, mission, columns, its_rows)

    def _file(
        self, name: str, stem: str, columns: dict[str, str], rows: list[dict[str, Any]]
    ) -> None:
        schema = pa.schema([(column, TYPES[kind]) for column, kind in columns.items()])
        for row in rows:
            unknown = set(row) - set(columns)
            assert not unknown, f"{name} has no column {unknown}"
        path = self.home / "build" / "sources" / name / f"{stem}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.seal.write(pa.Table.from_pylist(rows, schema=schema), path)
