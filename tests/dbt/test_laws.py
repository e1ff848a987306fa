"""The laws that dbt answers for; each is broken here on purpose as well, to see that somebody notices."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from counterflow.consent import REASONS
from tests.dbt import small_night
from tests.dbt.small_night import NIGHT, PROJECT, Sources, a_night

Contents = dict[str, list[tuple[object, ...]]]


def contents(connection: duckdb.DuckDBPyConnection) -> Contents:
    """Every published table but dbt's own results, as it lies in the file."""
    names = connection.execute(
        """
        select schema_name || '.' || table_name from duckdb_tables()
        where database_name = 'warehouse' and table_name != 'dbt_result' order by 1
        """
    ).fetchall()
    return {name: connection.execute(f"select * from {name}").fetchall() for (name,) in names}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Sources]:
    """The same night in another home, to change and to build."""
    yield a_night(tmp_path)
    small_night.let_go()


def failed(sources: Sources, *command: str) -> set[str]:
    """Names of the nodes that fail when `command` is run over `sources`."""
    sources.write()
    run = small_night.dbt(sources.home, NIGHT, *command)
    assert run.exception is None, run.exception
    return {r.node.name for r in run.result.results if r.status in ("fail", "error")}


def test_order_changes_nothing(warehouse: duckdb.DuckDBPyConnection, elsewhere: Sources) -> None:
    shuffle = random.Random(7)
    for rows in elsewhere.tables.values():
        shuffle.shuffle(rows)
    assert all(half.success for half in small_night.build(elsewhere))
    assert all(half.success for half in small_night.build(elsewhere))  # over what is there
    with elsewhere.seal.opened(elsewhere.home / "build" / "warehouse.duckdb") as other:
        assert contents(other) == contents(warehouse)


def test_an_accepted_code_without_a_mapping_stops_the_build(elsewhere: Sources) -> None:
    elsewhere.tables["code_map"] = [
        row for row in elsewhere.tables["code_map"] if row["local_code"] not in ("F", "RU")
    ]
    tests = ("+vocabulary_fct_case_*", "+vocabulary_fct_perpetrator_*", "+vocabulary_fct_control_*")
    found = failed(elsewhere, "build", "--select", *tests, "--indirect-selection", "empty")
    assert sorted("_".join(name.split("_")[:3]) for name in found) == [
        "vocabulary_fct_case",
        "vocabulary_fct_perpetrator",
    ]


def test_every_reason_has_a_column_that_is_added_up() -> None:
    models = ("models/quality/load.sql", "models/quality/load.yml", "models/staging/stg_load.sql")
    for file in (*models, "tests/rows_are_accounted_for.sql"):
        named = set(re.findall(r"withheld_(\w+)", (PROJECT / file).read_text("utf-8")))
        assert named == set(REASONS), file


@pytest.mark.parametrize(
    ("change", "test"),
    [
        ({"rows_blank": 3}, "rows_are_accounted_for"),
        ({"rows_accepted": 4, "rows_quarantined": 3}, "load_counts_are_the_verdicts"),
        ({"withheld_no_consent": 0}, "rows_are_accounted_for"),
        ({f"withheld_{REASONS[-1]}": 2}, "rows_are_accounted_for"),
        ({"night": NIGHT + timedelta(1)}, "load_reaches_the_night"),
    ],
)
def test_a_count_that_is_wrong_is_found(
    elsewhere: Sources, change: dict[str, object], test: str
) -> None:
    (load,) = (row for row in elsewhere.tables["load"] if row["mission_code"] == "MDA")
    load.update(change)
    selection = ("--select", f"+{test}", "--indirect-selection", "empty")
    assert failed(elsewhere, "build", *selection, "--exclude-resource-type", "unit_test") == {test}


def test_unit_tests(elsewhere: Sources) -> None:
    models = (
        "+fct_case",
        "+fct_control",
        "+fct_exploitation",
        "+question_rate",
        "+path:models/tally",
        "+case_change",
    )  # dbt asks the tables for their types
    no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    assert not failed(elsewhere, "build", "--empty", *no_tests, "--select", *models)
    run = small_night.dbt(elsewhere.home, NIGHT, "test", "--select", "test_type:unit")
    assert run.success, run.exception or [r.message for r in run.result.results]
    assert len(run.result.results) >= 8


def test_sources_age_by_the_night_and_not_by_the_clock(elsewhere: Sources) -> None:
    assert not failed(elsewhere, "source", "freshness")
    late = small_night.dbt(elsewhere.home, NIGHT + timedelta(2), "source", "freshness")
    assert not late.success


def test_the_published_file_holds_the_public_schemas_and_no_other(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.execute(
        "select distinct schema_name from duckdb_tables() where database_name = 'warehouse' order by 1"
    ).fetchall()
    assert found == [("analysis",), ("core",), ("history",), ("quality",)]
    assert warehouse.execute(
        "select count(*) from duckdb_views() where database_name = 'warehouse' and not internal"
    ).fetchall() == [(0,)]


def test_every_table_says_its_grain_and_its_caveat(warehouse: duckdb.DuckDBPyConnection) -> None:
    comments = dict(
        warehouse.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall()
    )
    caveats = dict(warehouse.execute("select table_name, caveat from analysis.caveat").fetchall())
    assert set(caveats) == set(comments)
    for table, comment in comments.items():
        assert comment.startswith("One row per "), table
        assert " ".join(comment.split("Caveat: ")[1].split()) == " ".join(caveats[table].split())
        assert len(caveats[table]) > 80, table


def test_every_column_is_described(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert (
        warehouse.execute(
            """
            select schema_name, table_name, column_name from duckdb_columns()
            where database_name = 'warehouse' and not internal and coalesce(comment, '') = ''
            """
        ).fetchall()
        == []
    )


def test_nothing_asks_a_clock() -> None:
    clock = re.compile(
        r"\b(now\(\)|current_(date|time|timestamp)|get_current_\w+|today\(\)|random\(\)|run_started_at)"
    )
    for folder in ("models", "macros", "snapshots", "tests"):
        for path in (PROJECT / folder).rglob("*.sql"):
            assert not clock.search(path.read_text()), path
