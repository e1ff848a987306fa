"""Every query of the docs runs on a published warehouse, through the connection that analysts get."""

from __future__ import annotations

import re

import duckdb
import pytest

from counterflow.settings import PROJECT, Settings
from counterflow.shell import connect
from tests.docs.pages import Block, blocks, fenced

QUERIES = blocks("sql")
# Queries that look for trouble may find none on the night of the test.
MAY_BE_EMPTY = ("status = 'failed'", "numerator >= 10", "cases >= 10")


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_query_runs(published: Settings, query: Block) -> None:
    with connect(published) as warehouse:
        result = warehouse.execute(query.text)
        names = [column[0] for column in result.description]
        rows = result.fetchall()
    assert len(names) == len(set(names)), "two columns of one name"
    if not any(part in query.text for part in MAY_BE_EMPTY):
        assert rows, "the query finds nothing, so it shows nothing"


def test_a_wrong_query_fails(published: Settings) -> None:
    """The test can fail: a column that is not there is an error."""
    query = next(q for q in QUERIES if "registration_year" in q.text)
    with connect(published) as warehouse, pytest.raises(duckdb.Error):
        warehouse.execute(query.text.replace("registration_year", "year_of_registration"))


def test_there_are_queries() -> None:
    assert len([b for b in fenced(PROJECT / "README.md") if b.language == "sql"]) == 5
    assert len(QUERIES) > 30


def test_every_table_is_described(published: Settings) -> None:
    """README's table names every published table, and no other; the history of a fact has the fact's name."""
    with connect(published) as warehouse:
        tables = {
            f"{schema}.{table}"
            for schema, table in warehouse.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
    readme = (PROJECT / "README.md").read_text("utf-8")
    named = set(re.findall(r"`((?:core|analysis|quality|history)\.[a-z_]+)`", readme))
    assert named == tables - {
        t.replace("core.", "history.") for t in tables if t.startswith("core.")
    }


def test_every_fact_has_a_query_in_the_analysts_guide(published: Settings) -> None:
    text = "".join(b.text for b in fenced(PROJECT / "docs/analysts.md") if b.language == "sql")
    with connect(published) as warehouse:
        tables = warehouse.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where table_name <> 'caveat' and (schema_name <> 'history' "
            "or table_name in ('fct_case', 'case_change', 'night'))"
        ).fetchall()
    assert [name for (name,) in tables if name not in text] == []
