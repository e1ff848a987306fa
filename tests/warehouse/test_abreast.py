"""Side by side: answers in the order of the items, each from the database of the connection, and what breaks is raised."""

from __future__ import annotations

import duckdb
import pytest

from counterflow.warehouse.abreast import abreast


@pytest.fixture
def home() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as w; use w")
    for number in range(20):
        connection.execute(f"create table t{number} as select n from range({number}) as t (n)")
    return connection


def test_answers_come_in_the_order_of_the_items(home: duckdb.DuckDBPyConnection) -> None:
    def rows(own: duckdb.DuckDBPyConnection, number: int) -> int:
        found = own.execute(f"select count(*) from t{number}").fetchone()
        return int(found[0]) if found else -1

    assert abreast(home, rows, range(20)) == list(range(20))
    assert abreast(home, rows, []) == []


def test_tables_are_changed_side_by_side(home: duckdb.DuckDBPyConnection) -> None:
    def change(own: duckdb.DuckDBPyConnection, number: int) -> None:
        own.execute(f"create temp table gone as select rowid as place from t{number}")
        own.execute(f"delete from t{number} where rowid in (select place from gone)")
        own.execute(f"insert into t{number} values ({number})")

    abreast(home, change, range(20))
    asked = " union all ".join(f"select n from t{number}" for number in range(20))
    assert home.execute(f"select list(n order by n) from ({asked})").fetchone() == (
        list(range(20)),
    )


def test_what_breaks_is_raised(home: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException, match="t99"):
        abreast(home, lambda own, number: own.execute(f"from t{number}"), [1, 99, 2])
