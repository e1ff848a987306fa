"""Cases said in tests as core holds them, and models run over them: the statistics of the marts without a night.

In: cases, one call each, and names of models. Out: rows of those models. The SQL is dbt's own, compiled once a session.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.dbt import small_night
from tests.dbt.small_night import PROJECT

NIGHT = date(2010, 11, 25)
_CASE = {
    "case_key": "text",
    "mission_code": "text",
    "registered_month": "date",
    "registration_year": "int32",
    "gender": "text",
    "age_band": "text",
    "is_minor": "text",
    "education": "text",
    "citizenship": "text",
    "country_of_exploitation": "text",
    "country_of_exploitation_basis": "text",
    "is_cross_border": "text",
    "is_sexual_exploitation": "text",
    "is_forced_labour": "text",
    "is_other_exploitation": "text",
    "trafficking_status": "text",
    "duration_band": "text",
    "referral_source": "text",
    "is_retrafficked": "text",
    "form_version": "text",
}
_CHILDREN = {
    "fct_exploitation": ("exploitation_type", "labour_sector"),
    "fct_recruitment": ("recruitment_method", "recruiter_relationship"),
    "fct_control": ("means_of_control", "answer"),
    "fct_perpetrator": ("perpetrator_number", "role", "gender"),
    "bridge_perpetrator_role": ("perpetrator_number", "role"),
    "fct_screening": ("decision", "decided_by"),
    "fct_assistance": ("service_type", "status"),
}
_TYPES = {"text": pa.string(), "date": pa.date32(), "int32": pa.int32(), "int64": pa.int64()}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as dbt compiled it: the relation it makes and the query of its rows."""

    relation: str
    query: str


def compile_models(home: Path) -> dict[str, Compiled]:
    """Every model and seed that the marts of evidence read, by name; seeds are their CSV."""
    (home / "build").mkdir()
    run = small_night.dbt(home, NIGHT, "compile", "--select", "resource_type:model")
    assert run.success, run.exception
    small_night.let_go()
    nodes = json.loads((home / "build" / "dbt" / "manifest.json").read_text())["nodes"].values()
    found = {
        node["name"]: Compiled(node["relation_name"], node.get("compiled_code", ""))
        for node in nodes
        if node["resource_type"] == "model"
    }
    for node in nodes:
        if node["resource_type"] == "seed":
            path = PROJECT / node["original_file_path"]
            query = f"select * from read_csv('{path}', all_varchar = true, nullstr = '')"
            types = node["config"].get("column_types") or {}
            casts = ", ".join(f"cast({c} as {t}) as {c}" for c, t in types.items())
            if casts:
                query = f"select * replace ({casts}) from ({query})"
            found[node["name"]] = Compiled(node["relation_name"], query)
    return found


@dataclass
class World:
    """Cases of some missions, in memory."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    children: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def case(self, mission: str, month: date | None, number: int = 1, **values: Any) -> None:
        """`number` cases alike; what is not said is unknown. Lists make rows of the child tables."""
        parts = {name: values.pop(name) for name in list(values) if name in _CHILDREN}
        for _ in range(number):
            key = f"{len(self.cases):032x}"
            missing = dict.fromkeys(_CASE, "unknown") | {
                "gender": "non_specified_unknown",
                "citizenship": None,
                "country_of_exploitation": None,
                "form_version": "v1",
            }
            self.cases.append(
                missing
                | {
                    "case_key": key,
                    "mission_code": mission,
                    "registered_month": month,
                    "registration_year": month.year if month else None,
                }
                | values
            )
            for table, rows in parts.items():
                for row in rows:
                    self.children.setdefault(table, []).append({"case_key": key, **row})

    def run(
        self, models: dict[str, Compiled], *names: str, setup: Iterable[str] = ()
    ) -> duckdb.DuckDBPyConnection:
        """A connection in which `names` are built, in that order, over the cases."""
        connection = duckdb.connect()
        for database in ("warehouse", "scratch"):
            connection.execute(f"attach ':memory:' as {database}")
            for schema in (
                "core",
                "analysis",
                "quality",
                "seeds",
                "staging",
                "intermediate",
                "tally",
            ):
                connection.execute(f"create schema {database}.{schema}")
        self._load(connection, "fct_case", _CASE, self.cases)
        for table, columns in _CHILDREN.items():
            types = {"case_key": "text"} | {
                name: "int64" if name.endswith("_number") else "text" for name in columns
            }
            self._load(connection, table, types, self.children.get(table, []))
        with (PROJECT / "seeds" / "country.csv").open(encoding="utf-8") as file:
            countries = list(csv.DictReader(file))
        self._load(connection, "dim_country", dict.fromkeys(countries[0], "text"), countries)
        connection.execute(
            "create or replace table warehouse.core.dim_country as select * replace "
            "(is_south_eastern_europe = 'true' as is_south_eastern_europe) from warehouse.core.dim_country"
        )
        connection.execute(
            "create table warehouse.core.dim_mission as select distinct mission_code, "
            "mission_code as mission_name from warehouse.core.fct_case"
        )
        for statement in setup:
            connection.execute(statement)
        for name in names:
            connection.execute(f"create table {models[name].relation} as {models[name].query}")
        connection.execute("use warehouse")
        return connection

    def _load(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        types: dict[str, str],
        rows: list[dict[str, Any]],
    ) -> None:
        schema = pa.schema([(name, _TYPES[kind]) for name, kind in types.items()])
        connection.register("rows", pa.Table.from_pylist(rows, schema=schema))
        connection.execute(f"create table warehouse.core.{table} as select * from rows")
        connection.unregister("rows")


def months(first: date, last: date) -> list[date]:
    """The first days of the months from `first` to `last`."""
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(start, end + 1)]


def chance(seed: int) -> random.Random:
    """Chance that is the same on every machine."""
    return random.Random(seed)
