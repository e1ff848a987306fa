"""The catalogue of an open warehouse: tables, columns, code lists, where each comes from, how well it is filled.

In: a connection to the published file, `lineage.json` (written beside docs/catalogue.md) and the register of sensitivity.
Out: `Table` and `CodeList`, all that the catalogue's pages say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb

from counterflow import sensitivity
from counterflow.warehouse.hashes import PUBLIC

LINEAGE = Path(__file__).with_name("lineage.json")
# Canonical table → where its fields are in core.
_CORE = {"case": "core.fct_case", "citizenship": "core.bridge_case_citizenship"}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many cases have an answer to a field, or to one item of it."""

    field: str
    item: str
    answered: int
    unknown: int
    not_asked: int
    not_applicable: int

    @property
    def parts(self) -> dict[str, int]:
        """As `answers.parts` has them."""
        names = ("answered", "unknown", "not_asked", "not_applicable")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it means, what it could tell of a person, and the list of its codes."""

    name: str
    type: str
    meaning: str
    sensitivity: str
    codes: str


@dataclass(frozen=True, slots=True)
class Table:
    """One published table."""

    schema: str
    name: str
    grain: str
    caveat: str
    rows: int
    columns: tuple[Column, ...]
    made_of: tuple[str, ...]
    read_by: tuple[str, ...]
    coverage: tuple[Coverage, ...]

    @property
    def full(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list: rows of code, label, definition, source."""

    name: str
    codes: tuple[tuple[str, str, str, str], ...]
    used_by: tuple[str, ...]


def tables(connection: duckdb.DuckDBPyConnection) -> list[Table]:
    """Every published table, by schema in the order of the flow."""
    columns: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for table, *column in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type, coalesce(comment, '') "
        "from duckdb_columns() where database_name = current_database() order by 1, column_index"
    ).fetchall():
        columns[table].append((column[0], column[1], " ".join(column[2].split())))
    described = connection.execute(
        "select schema_name, table_name, coalesce(comment, '') from duckdb_tables() "
        "where database_name = current_database() order by all"
    ).fetchall()
    lines, filled = lineage(), _coverage(connection)
    found = []
    for schema, name, comment in sorted(described, key=lambda row: (PUBLIC.index(row[0]), row[1])):
        full = f"{schema}.{name}"
        grain, _, caveat = " ".join(comment.split()).partition("Caveat: ")
        counted = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
        assert counted is not None
        line = lines.get(full, {})
        found.append(
            Table(
                schema,
                name,
                grain.strip(),
                caveat.strip(),
                int(counted[0]),
                tuple(_column(full, *column) for column in columns[full]),
                tuple(line.get("made_of", ())),
                tuple(line.get("read_by", ())),
                tuple(filled.get(full, ())),
            )
        )
    return found


def _column(table: str, name: str, kind: str, meaning: str) -> Column:
    entry = sensitivity.entry(table, name)
    codes = entry.holds.removeprefix("list:") if entry.holds.startswith("list:") else ""
    codes = "country" if entry.holds in ("country", "mission") else codes
    return Column(name, kind, meaning, entry.sensitivity.replace("_", " "), codes)


def _coverage(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Sequence[Coverage]]:
    found: dict[str, list[Coverage]] = defaultdict(list)
    for table, *counted in connection.execute(
        "select table_name, field, item, sum(answered)::bigint, sum(unknown)::bigint, sum(not_asked)::bigint, "
        "sum(not_applicable)::bigint from quality.field_coverage group by all order by all"
    ).fetchall():
        found[_CORE.get(table, f"core.fct_{table}")].append(Coverage(*counted))
    return found


def code_lists(connection: duckdb.DuckDBPyConnection, made: Sequence[Table]) -> list[CodeList]:
    """The code lists, and which columns hold their codes."""
    used: dict[str, list[str]] = defaultdict(list)
    for table in made:
        for column in table.columns:
            if column.codes and table.schema != "history":
                used[column.codes].append(f"{table.full}.{column.name}")
    rows: dict[str, list[tuple[str, str, str, str]]] = defaultdict(list)
    for name, *code in connection.execute(
        "select code_list, code, label, coalesce(definition, ''), source from core.dim_code order by all"
    ).fetchall():
        rows[name].append((code[0], code[1], code[2], code[3]))
    for code, label, region in connection.execute(
        "select country_code, country_name, m49_subregion from core.dim_country order by all"
    ).fetchall():
        rows["country"].append((code, label, region, "ISO 3166-1, UN M49"))
    return [CodeList(name, tuple(rows[name]), tuple(used[name])) for name in sorted(rows)]


@lru_cache(maxsize=1)
def lineage() -> dict[str, dict[str, list[str]]]:
    """Table → what it is made of and what reads it, as the dbt project says; history follows its fact."""
    found: dict[str, dict[str, list[str]]] = json.loads(LINEAGE.read_text("utf-8"))
    return found
