"""Nights that were missed, loaded by Airflow's own `backfill`: what the nights give one by one, in either order.

Slow: each night is a run of the DAG. What a run of the DAG is given, and that any order of nights gives the same tables,
is tested quickly in tests/dags and test_history.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterflow.local import run_night
from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.support import NIGHT, Agency, case, export

pytestmark = pytest.mark.slow
NIGHTS = [NIGHT + timedelta(days=n) for n in range(4)]
Hashes = dict[str, tuple[int, str]]


class Backfilling:
    """An agency with four nights of exports, and an Airflow over it that has run none of them."""

    def __init__(self, agency: Agency, airflow: LocalAirflow, api: Api) -> None:
        self.agency, self.airflow, self.api = agency, airflow, api

    def backfill(self, *options: str) -> dict[str, str]:
        """What became of each night."""
        window = ["--from-date", str(NIGHTS[0]), "--to-date", f"{NIGHTS[-1]}T23:00:00"]
        command = [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", DAG_ID, *window, "--max-active-runs", "1", *options]  # fmt: skip
        while True:
            done = subprocess.run(
                command,
                env=self.airflow.environment(),
                cwd=self.airflow.home,
                capture_output=True,
                text=True,
                check=False,
            )
            if "AlreadyRunningBackfill" not in done.stderr:
                break
            time.sleep(2)  # the scheduler has not yet noticed that the one before has ended
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        while True:
            listed = self.api._get(f"/api/v2/dags/{DAG_ID}/dagRuns?limit=100")["dag_runs"]
            runs = {
                run["logical_date"][:10]: run["state"]
                for run in listed
                if run["run_type"] == "backfill"
            }
            if len(runs) == len(NIGHTS) and not {"queued", "running"} & set(runs.values()):
                return runs
            time.sleep(2)


def hashes(home: Path) -> Hashes:
    manifest = read_manifest(home / "warehouse" / MANIFEST)
    assert manifest is not None
    assert manifest.night == NIGHTS[-1]
    return dict(manifest.tables)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agency, Hashes]:
    """The nights by the command, in order; the agency's own home has their keys and nothing else."""
    agency = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB", "BLR"))
    for mission in agency.missions:
        for place, night in enumerate(NIGHTS):
            if mission == "BLR" and place == 2:
                continue  # one that is late
            rows = [case(n, Sex="FM"[n % 3 == place % 3]) for n in range(30 + place)]
            agency.deliver(mission, export(rows), night)
    settings = replace(agency.settings, home=agency.root / "one by one")
    for night in NIGHTS:
        report = run_night(settings, night, quiet=True)
        assert report.is_published, report.text
    shutil.copytree(settings.keys, agency.settings.keys)
    return agency, hashes(settings.home)


@pytest.fixture(scope="module")
def backfilling(one_by_one: tuple[Agency, Hashes]) -> Iterator[Backfilling]:
    agency, _ = one_by_one
    airflow = LocalAirflow(
        agency.settings, free_port()
    )  # or its schedule would load today's night as well
    with running(airflow, "api-server", "scheduler", "dag-processor") as processes:
        api = Api(airflow, processes.check)
        api.wait_for_dag(DAG_ID)
        yield Backfilling(agency, airflow, api)


def test_a_backfill_gives_what_the_nights_gave(
    backfilling: Backfilling, one_by_one: tuple[Agency, Hashes]
) -> None:
    runs = backfilling.backfill()
    assert runs == {str(night): "success" for night in NIGHTS}
    assert hashes(backfilling.agency.settings.home) == one_by_one[1]


def test_a_backfill_in_reverse_order_does_too(
    backfilling: Backfilling, one_by_one: tuple[Agency, Hashes]
) -> None:
    settings = backfilling.agency.settings
    for folder in (settings.landing, settings.build, settings.warehouse):
        shutil.rmtree(folder)
    runs = backfilling.backfill("--run-backwards", "--reprocess-behavior", "completed")
    assert runs == {str(night): "success" for night in NIGHTS}
    assert hashes(settings.home) == one_by_one[1]
