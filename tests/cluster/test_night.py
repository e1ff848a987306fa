"""A night over a cluster, of which servers are restarted and workers killed meanwhile, is that of a laptop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from counterflow import sealing
from counterflow.local import run_night
from counterflow.orchestration.config import DAG_ID
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests import locks
from tests.cluster.running import Cluster, cluster
from tests.servers.postgres import needs_postgres
from tests.servers.running import needs
from tests.servers.sshd import Sshd, sshd
from tests.sources.linked import NAME, over_sftp
from tests.support import NIGHT, Agency, case, export

pytestmark = [needs_postgres(), needs("redis-server", "sshd")]
MISSIONS = ("ALB", "BGR", "MDA", "UKR")
LOCKED = "ALB"  # with a key that we do not have
Ended = dict[tuple[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    made = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    made.contract(LOCKED, "limits: {", "encryption: {age: alb}\n  limits: {")
    path = made.settings.keys / "exports" / "alb"
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(0o600)
    path.write_text(str(locks.identity("ours")))
    return made


@pytest.fixture(scope="module")
def ssh() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture(scope="module")
def running(agency: Agency, ssh: Sshd) -> Iterator[Cluster]:
    empty = agency.root / "nothing"  # the cluster has the exports from their server, or not at all
    empty.mkdir()
    known = {"counterflow_export_alb": str(locks.identity("ours"))}
    settings = replace(agency.settings, exports=empty)
    with cluster(agency.root / "cluster", settings, variables=known) as made:
        said = over_sftp(ssh)
        made.api().define(NAME, {**said, "extra": json.dumps(said["extra"])})
        yield made


def deliver(agency: Agency, ssh: Sshd, night: date, cases: int) -> None:
    """To the laptop as files, and to the server of the missions."""
    for number, mission in enumerate(MISSIONS):
        data = export([case(n) for n in range(cases + number)])
        if mission == LOCKED:
            data = locks.age(data, "of another agency")
        path = agency.deliver(mission, data, night)
        ssh.put(str(path.relative_to(agency.settings.exports)), path.read_bytes())


def a_night(
    running: Cluster, night: date, faults: dict[str, Callable[[], None]]
) -> tuple[str, Ended]:
    """Run a night; of each step named, its fault comes when the first of its tasks runs."""
    api, left = running.api(), dict(faults)
    run = api.trigger(DAG_ID, {"night": str(night)})
    ended: Ended = {}
    state = ""
    for change in api.follow(DAG_ID, run, every=0.2):
        if "task_id" not in change:
            state = str(change["state"])
            continue
        ended[change["task_id"], change["map_index"]] = change
        if change["state"] == "running" and change["task_id"] in left:
            left.pop(change["task_id"])()
    assert not left, f"{sorted(left)} were over before anybody looked"
    return state, ended


def hashes(settings: Settings) -> Any:
    made = read_manifest(settings.warehouse / MANIFEST)
    assert made is not None
    return made.night, made.tables


def is_the_laptops(agency: Agency, running: Cluster, night: date) -> None:
    """What any worker that is left has published."""
    assert run_night(agency.settings, night, quiet=True).is_published
    ours = hashes(agency.settings)
    workers = [name for name in running.running if name.startswith("worker")]
    published = [running.worker_settings(name) for name in workers]
    assert ours in [hashes(one) for one in published if (one.warehouse / MANIFEST).exists()]


def test_a_night_whose_redis_is_restarted_and_whose_worker_is_killed(
    agency: Agency, ssh: Sshd, running: Cluster
) -> None:
    """Its missions are on a server that only a connection in Airflow's database names, and one locks with a wrong key."""
    deliver(agency, ssh, NIGHT, 20)

    def lose_the_worker() -> None:
        running.kill(running.worker_that("build/warehouse.duckdb"))  # dbt has it open

    state, ended = a_night(
        running, NIGHT, {"ingest": running.broker.restart, "transform": lose_the_worker}
    )
    assert state == "success", [(*key, one["state"]) for key, one in ended.items()] + [
        running.tasks_said()
    ]
    assert ended["transform", -1]["try_number"] == 2
    (refused,) = (one for one in ended.values() if one["rendered_map_index"] == f"{LOCKED} refused")
    assert refused["try_number"] == 1  # another try would find the same key
    is_the_laptops(agency, running, NIGHT)
    with closing(
        sealing.published(agency.settings.warehouse / "warehouse.duckdb", agency.settings)
    ) as warehouse:
        assert warehouse.execute("select count(*) from core.fct_case").fetchone() == (66,)
        said = warehouse.execute(
            "select status, message from quality.load where status <> 'loaded'"
        )
        ((status, message),) = said.fetchall()
        assert (status, "(wrong_key)" in message) == ("refused", True), message


FAULTS = {
    "redis": ("ingest", "transform"),
    "postgresql": ("plan", "ingest", "validate", "transform", "publish"),
    "worker": ("ingest", "publish"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_is_restarted_or_a_worker_that_is_killed_in_step_after_step(
    agency: Agency, ssh: Sshd, running: Cluster, fault: str
) -> None:
    night = NIGHT + timedelta(days=1 + list(FAULTS).index(fault))
    deliver(agency, ssh, night, 30 + night.day)
    number = 2 + 3 * list(FAULTS).index(fault)

    def replaced() -> None:
        """Another worker takes the place of one that is killed."""
        nonlocal number
        lost = next(name for name in running.running if name.startswith("worker"))
        running.start("worker", f"worker-{number}-new")
        number += 1
        running.kill(lost)

    what = {
        "redis": running.broker.restart,
        "postgresql": running.database.restart,
        "worker": replaced,
    }[fault]
    state, ended = a_night(running, night, dict.fromkeys(FAULTS[fault], what))
    assert state == "success", [(*key, one["state"]) for key, one in ended.items()] + [
        running.tasks_said()
    ]
    is_the_laptops(agency, running, night)
