"""What is by mission: of one mission's sources alone, a model has that mission's rows of the whole build, and no others."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.dbt import small_night
from tests.dbt.core_world import Compiled
from tests.dbt.small_night import NIGHT, Sources, a_night

ACROSS = {"dim_code", "dim_country", "dim_day"}  # of no mission, or of all missions together
SCHEMAS = ("core", "intermediate", "tally")
Rows = dict[str, list[str]]


def rows_of(connection: duckdb.DuckDBPyConnection, mission: str) -> Rows:
    """By table, the mission's rows in an order of their own; a row without a mission is its case's."""
    tables = connection.execute(
        "select database_name || '.' || schema_name || '.' || table_name, table_name from duckdb_tables() "
        "where list_contains(?, schema_name) order by all",
        [list(SCHEMAS)],
    ).fetchall()
    found = {}
    for relation, name in tables:
        if name in ACROSS:
            continue
        columns = {row[0] for row in connection.execute(f"describe {relation}").fetchall()}
        its = "mission_code = $1" if "mission_code" in columns else (
            "case_key in (select case_key from core.fct_case where mission_code = $1)"
        )  # fmt: skip
        query = f"select * from {relation} where {its}"
        found[name] = sorted(str(row) for row in connection.execute(query, [mission]).fetchall())
    return found


def built(sources: Sources, mission: str) -> tuple[Rows, dict[str, int]]:
    """The mission's rows, and how many rows there are at all, of a build of these sources."""
    sources.write()
    no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    wanted = [f"+path:models/{schema}" for schema in SCHEMAS]
    run = small_night.dbt(sources.home, NIGHT, "build", *no_tests, "--select", *wanted)
    small_night.let_go()
    assert run.success, run.exception
    with sources.seal.opened(sources.home / "build" / "warehouse.duckdb") as connection:
        sources.seal.prepare(connection)
        sources.seal.attach(connection, sources.home / "build" / "scratch.duckdb", "scratch")
        rows = rows_of(connection, mission)
        sizes = dict(
            connection.execute(
                "select table_name, estimated_size from duckdb_tables() where list_contains(?, schema_name)",
                [list(SCHEMAS)],
            ).fetchall()
        )
    return rows, sizes


@pytest.mark.parametrize("mission", ["MDA", "SEN"])
def test_a_build_of_one_mission_has_that_mission_s_rows(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, mission: str
) -> None:
    alone = a_night(tmp_path)
    for rows in alone.tables.values():
        rows[:] = [row for row in rows if row.get("mission_code", mission) == mission]
    found, sizes = built(alone, mission)
    whole = rows_of(warehouse, mission)
    assert found == whole
    assert sum(name.startswith("tally_") for name in found) == 18
    for name, rows_found in found.items():
        assert len(rows_found) == sizes[name], name


def test_no_tally_asks_which_night_it_is(models: dict[str, Compiled]) -> None:
    tallies = {name: model for name, model in models.items() if name.startswith("tally_")}
    assert len(tallies) == 18
    for name, model in tallies.items():
        assert ".tally." in model.relation.replace('"', ""), name
        assert NIGHT.isoformat() not in model.query, name
