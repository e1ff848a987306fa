"""Answers: no pseudonym is shown, a warehouse reads nothing else, and who is in a number is said."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from counterflow.site import answers
from counterflow.site.answers import Answer, SiteRefusedError
from tests.site.world import installation, publish


def answer(query: str, **record: object) -> tuple[Answer, dict[str, object]]:
    return Answer(query, tuple(record), (tuple(record.values()),), ()), record


def test_who_is_in_a_number_adds_up_also_under_other_names() -> None:
    made, record = answer(
        "select numerator as women, denominator as gender_known, unknown, not_asked from t",
        women=3, gender_known=10, unknown=2, not_asked=7,
    )  # fmt: skip
    assert answers.parts(made, record) == {
        "numerator": 3,
        "others": 7,
        "unknown": 2,
        "not_asked": 7,
    }


def test_a_row_without_denominator_has_no_bar() -> None:
    assert answers.parts(*answer("select numerator from t", numerator=3)) is None
    assert answers.parts(*answer("select rate from t", rate=0.5)) is None


def test_a_query_that_shows_a_pseudonym_is_refused() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema core; create table core.fct_case as select 'x' as case_key, 1 as n"
        )
        assert answers.ask(connection, "select n from core.fct_case").tables == ("core.fct_case",)
        with pytest.raises(SiteRefusedError, match="shows case_key"):
            answers.ask(connection, "select case_key from core.fct_case")


def test_the_connection_writes_nothing_and_reads_no_other_file(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    path = publish(settings)
    with answers.opened(path, settings) as connection:
        for query in (
            "create table core.x (a int)",
            "delete from core.fct_case",
            "select * from read_csv('/etc/passwd')",
            f"copy core.fct_case to '{tmp_path / 'x.csv'}'",
            "set enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
    assert not (tmp_path / "x.csv").exists()
