"""A release through a real Airflow: a person's yes, a person's no, and nobody's answer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterflow.orchestration.api import Api
from counterflow.orchestration.config import LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.release import ledger, places, verification
from counterflow.settings import Settings
from tests.release.world import installation, key, publish

DAG = "release"
CASES = range(1_100)
SECONDS = 90  # to answer
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Api]]:
    settings = installation(tmp_path_factory.mktemp("agency"))
    publish(settings, CASES)
    airflow = LocalAirflow(settings, free_port())
    os.environ["COUNTERFLOW_RELEASE_HOURS"] = str(SECONDS / 3600)
    try:
        with running(airflow, "api-server", "scheduler", "dag-processor") as processes:
            api = Api(airflow, processes.check)
            api.wait_for_dag(DAG)
            yield settings, api
    finally:
        del os.environ["COUNTERFLOW_RELEASE_HOURS"]


def run(api: Api, answer: str | None) -> tuple[str, dict[str, str]]:
    """Trigger a release, answer when it waits, follow it to its end."""
    run_id = api.trigger(DAG, {})
    states: dict[str, str] = {}
    for change in api.follow(DAG, run_id):
        if "task_id" not in change:
            return str(change["state"]), states
        states[change["task_id"]] = change["state"]
        if change["task_id"] == "approve" and change["state"] == "awaiting_input" and answer:
            time.sleep(5)  # a person is not faster; within a second Airflow 3.3 loses the answer
            api.answer(DAG, run_id, "approve", answer)
    raise AssertionError("the run never ended")


def test_a_yes_releases(agency: tuple[Settings, Api]) -> None:
    settings, api = agency
    state, states = run(api, "Approve")
    assert (state, states["freeze"]) == ("success", "success")
    assert all(result.passed for result in verification.verify(settings, "001"))
    entry = ledger.standing(settings.releases, "001")
    assert entry is not None
    assert entry["approver"]


@pytest.mark.parametrize(
    ("answer", "reason"), [("Reject", "rejected"), (None, "nobody approved it in time")]
)
def test_a_no_and_a_silence_leave_nothing(
    agency: tuple[Settings, Api], answer: str | None, reason: str
) -> None:
    settings, api = agency
    state, states = run(api, answer)
    assert (state, states["freeze"]) == ("success", "skipped")
    last = ledger.read(settings.releases)[-1]
    assert (last["event"], last["reason"], last["number"]) == ("rejected", reason, "002")
    assert bool(last["approver"]) is (answer is not None)
    assert places.released(settings.releases) == ["001"]
    assert places.pending(settings.releases) is None


def test_airflow_remembers_counts_and_nobody(agency: tuple[Settings, Api]) -> None:
    """Neither its database nor its logs hold a key of a case."""
    settings, _ = agency
    home: Path = settings.home / "airflow"
    text = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert b"k_anonymity" in text  # the results of gates are there
    assert not any(key(n).encode() in text for n in CASES)
