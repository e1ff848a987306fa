"""The scheduler and all its workers killed in the middle of a night, and started again: the night is published.

Slow: Airflow waits for a task's heartbeat before it believes that its worker is lost.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from counterflow.local import run_night
from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, Options, free_port
from counterflow.orchestration.processes import members, running
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.support import NIGHT, Agency, case, export

pytestmark = pytest.mark.slow


class Impatient(LocalAirflow):
    """An Airflow that believes in seconds what it otherwise believes in minutes."""

    def options(self) -> Options:
        found = super().options()
        found["scheduler"] |= {
            "task_instance_heartbeat_timeout": "10",
            "task_instance_heartbeat_timeout_detection_interval": "2",
            "orphaned_tasks_check_interval": "5",
            "scheduler_health_check_threshold": "10",
        }
        found["core"]["default_task_retry_delay"] = "1"
        return found


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path, missions=("ALB", "BLR"))
    for mission in made.missions:
        made.deliver(mission, export([case(n, Sex="FM"[n % 2]) for n in range(40)]))
    return made


@pytest.fixture
def by_command(agency: Agency) -> dict[str, tuple[int, str]]:
    """What the night is by the command; the agency's own home has the same keys and nothing else."""
    import shutil

    settings = replace(agency.settings, home=agency.root / "by command")
    assert run_night(settings, NIGHT, quiet=True).is_published
    shutil.copytree(settings.keys, agency.settings.keys)
    return hashes(settings)


def hashes(settings: Settings) -> dict[str, tuple[int, str]]:
    manifest = read_manifest(settings.warehouse / MANIFEST)
    assert manifest is not None
    return dict(manifest.tables)


@pytest.mark.parametrize("task", ["ingest", "transform"])
def test_a_scheduler_that_is_killed_and_started_again_publishes_the_night(
    agency: Agency, by_command: dict[str, tuple[int, str]], task: str
) -> None:
    airflow = Impatient(agency.settings, free_port())
    with running(airflow, "api-server", "scheduler", "dag-processor") as processes:
        api = Api(airflow, processes.check)
        api.wait_for_dag(DAG_ID)
        run = api.trigger(DAG_ID, {"night": str(NIGHT)})
        state = "unknown"
        killed = False
        for change in api.follow(DAG_ID, run, every=0.2):
            if "task_id" not in change:
                state = change["state"]
            elif not killed and (change["task_id"], change["state"]) == (task, "running"):
                killed = True
                scheduler = processes.running.pop("scheduler")
                for process in members({scheduler.pid}):
                    os.kill(process.pid, signal.SIGKILL)
                scheduler.wait()
                time.sleep(1)
                processes.start("scheduler")
        assert killed
        assert state == "success"
    assert hashes(agency.settings) == by_command
