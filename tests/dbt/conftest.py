"""One night of three small missions, built once; the tests ask the files that dbt wrote."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.dbt import small_night
from tests.dbt.core_world import Compiled, compile_models
from tests.dbt.small_night import Sources, a_night


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The sources of `a_night`, built."""
    sources = a_night(tmp_path_factory.mktemp("home"))
    for half in small_night.build(sources):
        assert half.success, half.exception or [
            (result.node.name, result.message)
            for result in half.result.results
            if result.status not in ("success", "pass")
        ]
    return sources


@pytest.fixture(scope="session")
def warehouse(night: Sources) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file and the scratch file, read-only."""
    with night.seal.opened(night.home / "build" / "warehouse.duckdb") as connection:
        night.seal.prepare(connection)
        night.seal.attach(connection, night.home / "build" / "scratch.duckdb", "scratch")
        yield connection


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compiled]:
    """The SQL of every model, compiled once."""
    return compile_models(tmp_path_factory.mktemp("compiled"))
