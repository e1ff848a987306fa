"""A night over a cluster, one of whose workers is killed in the middle of its task, is that of a laptop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from counterflow import sealing
from counterflow.local import run_night
from counterflow.orchestration.config import DAG_ID
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.cluster.running import Cluster, cluster
from tests.servers.postgres import needs_postgres
from tests.servers.running import needs
from tests.support import NIGHT, Agency, case, export

pytestmark = [needs_postgres(), needs("redis-server")]
MISSIONS = ("BGR", "MDA", "UKR")


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    made = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    for number, mission in enumerate(MISSIONS):
        made.deliver(mission, export([case(n) for n in range(20 + number)]))
    return made


@pytest.fixture(scope="module")
def running(agency: Agency) -> Iterator[Cluster]:
    with cluster(agency.root / "cluster", agency.settings) as made:
        yield made


def hashes(settings: Settings) -> Any:
    made = read_manifest(settings.warehouse / MANIFEST)
    assert made is not None
    return made.night, made.tables


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    agency: Agency, running: Cluster
) -> None:
    api = running.api()
    run = api.trigger(DAG_ID, {"night": str(NIGHT)})
    lost = running.worker_that("build/warehouse.duckdb")  # dbt has it open
    running.kill(lost)
    ended = {}
    for change in api.follow(DAG_ID, run):
        if "task_id" in change:
            ended[change["task_id"], change["map_index"]] = change
        else:
            state = change["state"]
    assert state == "success", [(*key, one["state"]) for key, one in ended.items()] + [
        running.tasks_said()
    ]
    assert ended["transform", -1]["try_number"] == 2
    (left,) = {name for name in running.running if name.startswith("worker")}
    assert run_night(agency.settings, NIGHT, quiet=True).is_published
    assert hashes(running.worker_settings(left)) == hashes(agency.settings)
    with sealing.published(
        agency.settings.warehouse / "warehouse.duckdb", agency.settings
    ) as warehouse:
        assert warehouse.execute("select count(*) from core.fct_case").fetchone() == (63,)
