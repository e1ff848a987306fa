"""The daily clean-up: its wiring, and what it leaves of Airflow's own records."""

from __future__ import annotations

from typing import Any

import pytest

from counterflow.settings import PROJECT
from tests.dags.conftest import Run

PARSE = """
import json
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(dag_folder={folder!r}).dags["maintenance"]
print(json.dumps(dict(
    schedule=dag.schedule, catchup=dag.catchup, runs=dag.max_active_runs, params=sorted(dag.params),
    tasks={{t.task_id: sorted(t.upstream_task_ids) for t in dag.tasks}},
)))
"""
CLEAN = """
import datetime as dt, json, os
from airflow import settings
from airflow.models.log import Log
from airflow.utils.session import create_session
from counterflow.orchestration.metadata import clean

def events():
    with create_session() as session:
        return sorted(row.event for row in session.query(Log).all())

with create_session() as session:
    for event, year in (("old", 2020), ("new", 2026)):
        log = Log(event)
        log.dttm = dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc)
        session.add(log)
before = events()
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "airflow-db-not-allowed:///"  # as in a task
clean(dt.date(2025, 1, 1))
print(json.dumps([before, events()]))
"""


@pytest.fixture(scope="module")
def parsed(in_airflow: Run) -> dict[str, Any]:
    found: dict[str, Any] = in_airflow(PARSE.format(folder=str(PROJECT / "dags")))
    return found


def test_it_runs_daily_in_utc_one_at_a_time(parsed: dict[str, Any]) -> None:
    assert (parsed["schedule"], parsed["catchup"], parsed["runs"]) == ("0 12 * * *", False, 1)
    assert parsed["params"] == ["day"]
    assert parsed["tasks"] == {"sweep": [], "metadata": ["sweep"]}


def test_old_records_of_airflow_go_although_a_task_may_not_open_its_database(
    in_airflow: Run,
) -> None:
    before, after = in_airflow(CLEAN)
    assert {"old", "new"} <= set(before)
    assert "old" not in after
    assert "new" in after
