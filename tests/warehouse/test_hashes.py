"""A content hash is of the rows, whatever their order, and of nothing else that changes from run to run."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.warehouse.hashes import comparable, content_hashes, same_rows

TEXT = st.none() | st.text(st.characters(exclude_categories=("C",)), max_size=3)
ROWS = st.lists(st.tuples(TEXT, TEXT, st.none() | st.integers(0, 3)), max_size=6)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute("create schema core; create schema other")
        yield made


def hashed(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, str | None, int | None]]
) -> tuple[int, str]:
    connection.execute("create or replace table core.t (a varchar, b varchar, n bigint)")
    if rows:
        connection.executemany("insert into core.t values (?, ?, ?)", rows)
    return content_hashes(connection)["core.t"]


@given(one=ROWS, other=ROWS)
def test_two_tables_have_one_hash_exactly_if_they_have_the_same_rows(
    connection: duckdb.DuckDBPyConnection,
    one: list[tuple[str | None, str | None, int | None]],
    other: list[tuple[str | None, str | None, int | None]],
) -> None:
    first = hashed(connection, one)
    assert hashed(connection, one[::-1]) == first
    assert (hashed(connection, other) == first) == (sorted(map(repr, one)) == sorted(map(repr, other)))  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(None, "x", 1)], [("", "x", 1)]),  # nothing is no empty text
        ([("x", None, 1)], [(None, "x", 1)]),
        ([("ab", "c", 1)], [("a", "bc", 1)]),
        ([("a", "b", 1)], [("a", "b", 1), ("a", "b", 1)]),  # twice is twice
    ],
)
def test_what_looks_alike_is_told_apart(
    connection: duckdb.DuckDBPyConnection,
    one: list[tuple[str | None, str | None, int | None]],
    other: list[tuple[str | None, str | None, int | None]],
) -> None:
    assert hashed(connection, one) != hashed(connection, other)


def test_a_comment_and_a_type_are_content(connection: duckdb.DuckDBPyConnection) -> None:
    first = hashed(connection, [("a", "b", 1)])
    connection.execute("comment on column core.t.a is 'a caveat'")
    assert content_hashes(connection)["core.t"] != first
    connection.execute("create or replace table core.t as select 'a' a, 'b' b, 1::integer n")
    assert content_hashes(connection)["core.t"] != first


def test_only_public_schemas_are_looked_at_and_what_is_known_is_not_computed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("create table other.t as select 1 as a")
    known = {"core.t": (7, "2-said-before")}
    assert content_hashes(connection, known) == known


def test_a_hash_of_another_release_is_known_for_one(connection: duckdb.DuckDBPyConnection) -> None:
    assert comparable(hashed(connection, [])[1])
    assert not comparable("0000000000000000000000000000002a-c88236de")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("select 1", True),
        ("insert into two.core.t values (3, null)", False),
        ("update two.core.t set a = 9 where a = 1", False),
        ("comment on table two.core.t is 'another caveat'", False),
        ("comment on column two.core.t.a is 'another'", False),
        ("alter table two.core.t alter a type bigint", False),
        ("create table two.core.more (a integer)", False),
    ],
)
def test_a_copy_is_the_same_in_rows_columns_and_comments(change: str, same: bool) -> None:
    with duckdb.connect() as connection:
        for name, order in (("one", "asc"), ("two", "desc")):
            connection.execute(f"attach ':memory:' as {name}; create schema {name}.core")
            connection.execute(f"create table {name}.core.t (a integer, b varchar)")
            connection.execute(
                f"insert into {name}.core.t select * from (values (1, 'x'), (2, null)) order by 1 {order}"
            )
            connection.execute(f"comment on table {name}.core.t is 'a caveat'")
        connection.execute(change)
        assert same_rows(connection, "one", "two") is same
