"""dbt as the nightly run calls it, over the sources of a test.

In: `Sources`. Out: the two DuckDB files under their home, and what dbt says of each half.
"""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from unittest import mock

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from counterflow.warehouse import history
from tests.dbt.sources import OTHERS, PROJECT, Sources


def dbt(home: Path, night: date, *command: str) -> dbtRunnerResult:
    """Run dbt in this process as the nightly run does.

    The night goes by environment: a variable that changes makes dbt read the whole project anew.
    """
    earlier = home / "build" / history.EARLIER
    earlier.parent.mkdir(parents=True, exist_ok=True)
    if not earlier.exists():  # no night before this one
        history.write_empty(Sources(home, night).seal, earlier, PROJECT)
    target = str(home / "build" / "dbt")
    project = str(PROJECT)
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target)  # fmt: skip
    environment = {"COUNTERFLOW_HOME": str(home), "COUNTERFLOW_NIGHT": night.isoformat()}
    with mock.patch.dict(os.environ, environment):
        return dbtRunner().invoke(["--quiet", *command, *folders])


def let_go() -> None:
    """Close dbt's DuckDB files: it keeps them open between runs of one process, which spares it reopening them."""
    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


def write_dbt_results(home: Path) -> None:
    """The source `dbt_result`, from the results of the first half of the build."""
    results = json.loads((home / "build" / "dbt" / "run_results.json").read_text())["results"]
    rows = [
        {
            "unique_id": result["unique_id"],
            "resource_type": result["unique_id"].split(".")[0],
            "name": result["unique_id"].split(".")[2],
            "status": result["status"],
            "failures": result["failures"],
            "table_name": result.get("relation_name"),
        }
        for result in results
    ]
    Sources(home, date.min)._file("dbt_result", "dbt_result", OTHERS["dbt_result"], rows)


def build(sources: Sources) -> list[dbtRunnerResult]:
    """Both halves of a night's build, as the nightly run makes them."""
    sources.write()
    no_unit_tests = ("--exclude-resource-type", "unit_test")
    facts = dbt(sources.home, sources.night, "build", "--selector", "facts", *no_unit_tests)
    if facts.result is not None:
        write_dbt_results(sources.home)
    quality = dbt(sources.home, sources.night, "build", "--selector", "quality", *no_unit_tests)
    let_go()
    return [facts, quality]
