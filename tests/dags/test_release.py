"""The wiring of a release: nobody's silence releases anything, and what is not released is taken away."""

from __future__ import annotations

from typing import Any

import pytest

from counterflow.settings import PROJECT
from tests.dags.conftest import Run

STEPS = ["build", "approve", "freeze", "close"]
PARSE = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder={folder!r})
dag = bag.dags["release"]
approve = dag.get_task("approve")
print(json.dumps(dict(
    errors=bag.import_errors, schedule=dag.schedule, runs=dag.max_active_runs,
    after={{t.task_id: sorted(t.upstream_task_ids) for t in dag.tasks}},
    rules={{t.task_id: t.trigger_rule.value for t in dag.tasks}},
    defaults=approve.defaults, hours=approve.response_timeout.total_seconds() / 3600,
    options=approve.options, fails=approve.fail_on_reject,
)))
"""

# The DAG's own tasks over release functions that only say they were called. Who answers is a stand-in, because
# dag.test() has nobody who could: it hands the operator what the scheduler would, the answer or the default.
WIRED = """
import datetime as dt, json, sys, types
calls, found = [], {}
def step(name, make):
    def called(settings, *args, **kwargs):
        calls.append([name, *[str(a) for a in args if isinstance(a, str)]])
        if asked["broken"] == name:
            raise RuntimeError(name + " broke")
        return make()
    return called
class Built:
    text = "| accepted cases | 700 |"
    def to_dict(self):
        return dict(number="001", digest="d1", gates=[], counts={})
import counterflow.release.building as building, counterflow.release.deciding as deciding
building.build = step("build", Built)
deciding.approve = step("approve", lambda: "001")
deciding.reject = step("reject", lambda: None)
from airflow.providers.standard.operators.hitl import ApprovalOperator
def answer(self, context):
    asked["subject"], asked["body"] = self.subject, self.body
    if asked["answer"] is None:
        chosen, who = self.defaults, None  # as the scheduler does when the time is over
    else:
        chosen, who = [asked["answer"]], {"id": "7", "name": "desk"}
    return self.execute_complete(context, dict(
        chosen_options=chosen, params_input={}, responded_by_user=who,
        responded_at=dt.datetime(2010, 11, 26, tzinfo=dt.timezone.utc), timedout=who is None))
ApprovalOperator.execute = answer
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(dag_folder=FOLDER).dags["release"]
for number, (name, changes) in enumerate(RUNS.items()):
    asked = {"answer": None, "broken": ""} | changes
    calls.clear()
    logical = dt.datetime(2010, 11, 26, 1, minute=number, tzinfo=dt.timezone.utc)
    run = dag.test(run_conf=changes.get("conf", {}), logical_date=logical)
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    found[name] = dict(run=str(run.state), states=states, calls=list(calls), body=asked.get("body"), subject=asked.get("subject"))
print(json.dumps(found))
"""
RUNS: dict[str, dict[str, Any]] = {
    "approved": {"answer": "Approve"},
    "rejected": {"answer": "Reject"},
    "in nobody's time": {},
    "gates fail": {"broken": "build"},
    "gates fail at last": {"answer": "Approve", "broken": "approve"},
}


@pytest.fixture(scope="module")
def parsed(in_airflow: Run) -> dict[str, Any]:
    found: dict[str, Any] = in_airflow(PARSE.format(folder=str(PROJECT / "dags")))
    return found


@pytest.fixture(scope="module")
def runs(in_airflow: Run) -> dict[str, Any]:
    found: dict[str, Any] = in_airflow(
        f"FOLDER = {str(PROJECT / 'dags')!r}\nRUNS = {RUNS!r}\n" + WIRED
    )
    return found


def test_it_waits_for_a_person_and_silence_is_a_no(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert parsed["schedule"] is None  # nothing starts it but a person
    assert parsed["runs"] == 1
    assert parsed["defaults"] == ["Reject"]
    assert parsed["options"] == ["Approve", "Reject"]
    assert parsed["hours"] == 72
    assert parsed["fails"] is False


def test_the_steps_follow_one_another(parsed: dict[str, Any]) -> None:
    assert parsed["after"] == {
        "build": [],
        "approve": ["build"],
        "freeze": ["approve"],
        "close": ["freeze"],
    }
    assert parsed["rules"]["close"] == "all_done"
    assert {parsed["rules"][t] for t in STEPS[:-1]} == {"all_success"}


def test_a_yes_releases(runs: dict[str, Any]) -> None:
    found = runs["approved"]
    assert found["run"] == "success"
    assert found["calls"] == [["build"], ["approve", "001", "d1", "desk"]]
    assert found["subject"] == "Release 001 to outside?"
    assert found["body"] == "| accepted cases | 700 |"


@pytest.mark.parametrize(
    ("name", "reason", "who"),
    [("rejected", "rejected", "desk"), ("in nobody's time", "nobody approved it in time", "")],
)
def test_a_no_and_a_silence_take_the_candidate_away(
    runs: dict[str, Any], name: str, reason: str, who: str
) -> None:
    found = runs[name]
    assert found["states"]["freeze"] == "skipped"
    assert found["calls"] == [["build"], ["reject", "001", reason, who, "d1"]]
    assert found["run"] == "success"


def test_gates_that_fail_ask_nobody(runs: dict[str, Any]) -> None:
    found = runs["gates fail"]
    assert found["calls"] == [["build"]]
    assert found["run"] == "failed"
    assert found["states"]["approve"] == "upstream_failed"


def test_gates_that_fail_after_the_answer_release_nothing(runs: dict[str, Any]) -> None:
    found = runs["gates fail at last"]
    assert found["states"]["freeze"] == "failed"
    assert found["calls"][-1][0] == "reject"
