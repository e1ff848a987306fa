"""The gate of consent on a small build: who belongs to nobody, and who must stay out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.depersonalise import MissionKeys
from counterflow.sealing import Seal
from counterflow.warehouse import gates

BUILT: Any = SimpleNamespace(night=date(2010, 11, 25))
SETTINGS: Any = SimpleNamespace(landing=None)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two missions of two cases each, with tokens that are told of the keys; `out` stays out of MDA."""
    monkeypatch.setattr(gates, "keyring", lambda _: None)
    monkeypatch.setattr(Seal, "of", lambda _: None)
    monkeypatch.setattr(gates, "Landing", lambda _, mission: mission)
    monkeypatch.setattr(MissionKeys, "of", lambda _, mission: mission)
    monkeypatch.setattr(gates, "tokens", lambda keys, cases: [f"{keys}-{case}" for case in cases])
    staying_out = {"MDA": frozenset({"MDA-out"}), "UKR": frozenset({"UKR-another"})}
    monkeypatch.setattr(gates, "_staying_out", lambda _, mission, __: staying_out[mission])
    monkeypatch.setattr(gates, "_AT_ONCE", 2048)
    monkeypatch.setattr(gates, "_IN_MEMORY", 300)
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as scratch; attach ':memory:' as warehouse")
        connection.execute("create schema scratch.intermediate; use warehouse")
        connection.execute("create schema core; create schema history")
        connection.execute(
            "create table core.fct_case as select if(n % 2 = 0, 'MDA', 'UKR') as mission_code, "
            "md5(n::varchar) as case_key from range(5000) as t (n); "
            "create table core.fct_control as select case_key from core.fct_case; "
            "create table history.fct_case as from core.fct_case; "
            "create table history.fct_control as from core.fct_control; "
            "create table history.case_change (mission_code text, case_key text, into_case_key text); "
            "create table scratch.intermediate.int_source_row as "
            "select mission_code, case_key, 'case' as source, 'accepted' as outcome from core.fct_case"
        )
        yield connection


def test_a_sound_build_passes(build: duckdb.DuckDBPyConnection) -> None:
    assert gates._consent(build, SETTINGS, BUILT) == ""


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("insert into core.fct_control values ('x')", "1 rows of core.fct_control belong to no case"),
        ("insert into core.fct_control values ('x')", "1 rows of core.fct_control are of cases of no"),
        ("insert into core.fct_case values ('MDA', 'x')", "1 rows of core.fct_case belong to no case"),
        ("insert into history.fct_control values ('x')", "1 rows of history.fct_control are of cases of no"),
        ("insert into history.fct_case values ('MDA', 'out')", "1 rows of history.fct_case are of cases that are"),
        (
            "insert into history.case_change values ('MDA', 'case0', 'out')",
            "1 rows of history.case_change are of cases that are withheld",
        ),
    ],
)  # fmt: skip
def test_who_must_not_be_there_is_found(
    build: duckdb.DuckDBPyConnection, planted: str, said: str
) -> None:
    build.execute(planted)
    assert said in gates._consent(build, SETTINGS, BUILT)


@given(key=st.none() | st.text(), cases=st.integers(0, 100_000))
def test_every_key_is_in_exactly_one_range(key: str | None, cases: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema history")
        connection.execute(f"create table history.fct_case as from range({cases})")
        with patch.object(gates, "_IN_MEMORY", 300):
            ranges = " + ".join(
                f"coalesce({keys}, false)::int" for keys in gates._ranges(connection)
            )
        held = f"select sum({ranges}) from (select $key::varchar as case_key)"
        assert connection.execute(held, {"key": key}).fetchone() == (1,)


def test_who_stays_out_of_one_mission_may_be_in_another(build: duckdb.DuckDBPyConnection) -> None:
    build.execute("insert into history.fct_case values ('UKR', 'out')")
    assert gates._consent(build, SETTINGS, BUILT) == ""
