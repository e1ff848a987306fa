"""The night through a real Airflow: scheduler, DAG processor and API server over a small agency.

One Airflow serves all tests of this file, in order; each test is a night or what is left after it.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.sealing import Seal
from tests.support import NIGHT, SECRET, Agency, case, everything, export, key_forms

MISSIONS = ("BGR", "MDA", "UKR")
COMPONENTS = ("api-server", "scheduler", "dag-processor")


class Run(dict[str, list[dict[str, Any]]]):
    """The task instances of one run by task, as they ended."""

    state = "unknown"

    def states(self) -> dict[str, list[str]]:
        return {task: sorted(i["state"] for i in instances) for task, instances in self.items()}


class Airflow:
    """A running Airflow over an agency."""

    def __init__(self, agency: Agency, airflow: LocalAirflow, api: Api) -> None:
        self.agency, self.airflow, self.api = agency, airflow, api

    def follow(self, run_id: str) -> Run:
        ended: dict[tuple[str, int], dict[str, Any]] = {}
        for change in self.api.follow(DAG_ID, run_id):
            if "task_id" in change:
                ended[change["task_id"], change["map_index"]] = change
            else:
                state = change["state"]
        run = Run()
        run.state = state
        for (task, _), instance in ended.items():
            run.setdefault(task, []).append(instance)
        return run

    def night(self, **conf: Any) -> Run:
        return self.follow(self.api.trigger(DAG_ID, {"night": str(NIGHT), **conf}))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        path = self.agency.settings.warehouse / "warehouse.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def airflow_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    agency = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    for mission in MISSIONS:
        agency.deliver(mission, export())
    airflow = LocalAirflow(agency.settings, free_port())
    others = {p.pid for p in psutil.Process().children(recursive=True)}  # of earlier tests
    before = os.environ.get("COUNTERFLOW_MAX_FAILED_SHARE")
    os.environ["COUNTERFLOW_MAX_FAILED_SHARE"] = "0.5"
    try:
        with running(airflow, *COMPONENTS) as processes:
            api = Api(airflow, processes.check)
            api.wait_for_dag(DAG_ID)
            yield Airflow(agency, airflow, api)
            pids = {p.pid for p in psutil.Process().children(recursive=True)} - others
        assert not [pid for pid in pids if psutil.pid_exists(pid)], "processes were left behind"
    finally:
        os.environ.pop("COUNTERFLOW_MAX_FAILED_SHARE")
        if before is not None:
            os.environ["COUNTERFLOW_MAX_FAILED_SHARE"] = before


def test_a_night_is_published_though_a_mission_is_refused(airflow_run: Airflow) -> None:
    airflow_run.agency.deliver("BGR", export()[:200])  # a truncated zip
    run = airflow_run.night()
    assert run.state == "success"
    assert run.states()["ingest"] == ["success"] * 3
    names = sorted(instance["rendered_map_index"] for instance in run["ingest"])
    assert names == ["BGR refused", "MDA", "UKR"]
    assert airflow_run.ask("select mission_code, status from quality.load order by all") == [
        ("BGR", "refused"),
        ("MDA", "loaded"),
        ("UKR", "loaded"),
    ]
    assert airflow_run.ask("select count(*) from core.fct_case") == [(60,)]


@pytest.mark.slow
def test_triggered_twice_at_once_the_second_run_waits_and_finds_nothing_to_do(
    airflow_run: Airflow,
) -> None:
    airflow_run.agency.deliver("BGR", export())
    airflow_run.night()
    airflow_run.agency.deliver("BGR", export([case(n) for n in range(20)]))
    conf = {"night": str(NIGHT)}
    first, second = (airflow_run.api.trigger(DAG_ID, conf) for _ in range(2))
    one, two = airflow_run.follow(first), airflow_run.follow(second)
    assert (one.state, two.state) == ("success", "success")
    assert [i["rendered_map_index"] for i in one["ingest"]] == ["BGR"]
    assert two.states()["ingest"] == ["skipped"]  # mapped over no mission
    assert one["report"][0]["end_date"] <= two["plan"][0]["start_date"]
    assert airflow_run.ask("select count(*) from core.fct_case") == [(80,)]


def test_too_many_failures_keep_yesterday_and_the_run_says_why(airflow_run: Airflow) -> None:
    later = NIGHT + timedelta(days=1)
    for mission in MISSIONS[:2]:
        airflow_run.agency.deliver(mission, b"not a zip", later)
    run_id = airflow_run.api.trigger(DAG_ID, {"night": str(later)})
    run = airflow_run.follow(run_id)
    assert run.state == "failed"
    states = run.states()
    assert states["gates"] == ["failed"]
    assert states["publish"] == ["upstream_failed"]
    assert states["report"] == ["failed"]
    reason = airflow_run.api.reason(DAG_ID, run_id, run["gates"][0])
    assert "2 of 3 missions failed or were refused" in reason
    assert airflow_run.ask("select max(night)::varchar from quality.load") == [(str(NIGHT),)]


def test_nothing_of_a_person_is_anywhere(airflow_run: Airflow) -> None:
    # landing, logs of every task and component, Airflow's database with its XComs, the warehouse
    settings = airflow_run.agency.settings
    found = everything(settings.home, Seal.of(settings))
    assert "task_id=ingest" in found
    assert SECRET not in found
    assert SECRET.encode("utf-8").hex() not in found


def test_no_key_is_told_to_a_process_or_left_in_a_file(airflow_run: Airflow) -> None:
    """Airflow runs here as tests began it: its processes, its logs and its database are still there."""
    settings = airflow_run.agency.settings
    secrets = [bytes.fromhex(path.read_text()) for path in settings.keys.glob("*.key")]
    derived = [base64.b64decode(key) for key in Seal.of(settings)._keys.values()]
    forms = key_forms(*secrets, *derived)
    told = [
        place
        for process in Path("/proc").glob("[0-9]*")
        for place in (process / "cmdline", process / "environ")
        if any(form in _bytes_of(place) for form in forms)
    ]
    assert told == []
    assert b"airflow" in b"".join(_bytes_of(p / "cmdline") for p in Path("/proc").glob("[0-9]*"))
    left = {
        path.parent.name
        for path in settings.home.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    }
    assert left == {"keys"}


def _bytes_of(path: Path) -> bytes:
    with contextlib.suppress(OSError):  # a process that has ended, or of somebody else
        return path.read_bytes()
    return b""


def test_tasks_hand_each_other_codes_and_counts_only(airflow_run: Airflow) -> None:
    values = xcoms(airflow_run.airflow.database)
    assert {task for task, *_ in values} >= {"plan", "ingest", "validate", "transform", "publish"}
    assert all(len(value) < 2000 for *_, value in values)


def xcoms(database: Path) -> list[tuple[str, str, str]]:
    import sqlite3

    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute("select task_id, key, cast(value as text) from xcom").fetchall()
