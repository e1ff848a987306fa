"""The wiring of the night: what depends on what, what is mapped, what runs when something failed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from counterflow.settings import PROJECT
from tests.dags.conftest import Run

PARSE = """
import json, os, sys, time
os.environ["COUNTERFLOW_DEADLINE"] = "06:00"  # as where the schedule is on
import airflow.sdk, airflow.providers.standard.decorators.python  # what any DAG costs
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
started = time.process_time()
bag = DagBag(dag_folder={folder!r})
seconds = time.process_time() - started
dag = bag.dags.get("nightly")
tasks = {{}}
for task in dag.tasks if dag else []:
    tasks[task.task_id] = dict(
        after=sorted(task.upstream_task_ids), rule=task.trigger_rule.value, pool=task.pool,
        mapped=bool(getattr(task, "is_mapped", False)), retries=task.retries,
        outlets=[o.name for o in task.outlets],
    )
print(json.dumps(dict(
    errors=bag.import_errors, dags=sorted(bag.dags), seconds=seconds, tasks=tasks,
    modules=sorted({{m.partition(".")[0] for m in set(sys.modules) - before}}),
    ours=sorted(m for m in set(sys.modules) - before if m.startswith("counterflow")),
    timeout=dag.dagrun_timeout.total_seconds() if dag else None,
    deadline=[[type(d.reference).__name__, d.interval.total_seconds(), type(d.callback).__name__, d.callback.path,
               d.callback.kwargs] for d in dag.deadline] if dag else None,
    died=dag.on_failure_callback[0].__name__ if dag and isinstance(dag.on_failure_callback, list)
         else dag.on_failure_callback.__name__ if dag else None,
    schedule=dag.schedule if dag else None, catchup=dag.catchup if dag else None,
    timezone=str(dag.timezone) if dag else None,
    runs=dag.max_active_runs if dag else None, params=sorted(dag.params) if dag else None,
)))
"""
STEPS = ["plan", "ingest", "validate", "transform", "gates", "publish", "pages", "tell", "report"]


@pytest.fixture(scope="module")
def parsed(in_airflow: Run) -> dict[str, Any]:
    found: dict[str, Any] = in_airflow(PARSE.format(folder=str(PROJECT / "dags")))
    return found


def test_every_dag_file_imports(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert "nightly" in parsed["dags"]


def test_parsing_loads_nothing_heavy(parsed: dict[str, Any]) -> None:
    heavy = {"pandas", "numpy", "pyarrow", "duckdb", "dbt", "great_expectations"}
    assert heavy.isdisjoint(parsed["modules"])
    # alarms imports nothing before it raises one; Airflow wants its callable at the parse
    assert set(parsed["ours"]) <= {"counterflow", "counterflow.alarms"}
    assert parsed["seconds"] < 2.0  # CPU, of which most is Airflow's own


def test_it_runs_nightly_in_utc_one_at_a_time(parsed: dict[str, Any]) -> None:
    assert parsed["schedule"] == "0 2 * * *"
    assert (parsed["timezone"], parsed["catchup"], parsed["runs"]) == ("UTC", False, 1)
    assert parsed["params"] == ["full_refresh", "missions", "night"]


def test_a_night_has_a_deadline_and_an_end_and_tells_of_its_death(parsed: dict[str, Any]) -> None:
    [[reference, seconds, kind, path, kwargs]] = parsed["deadline"]
    assert (reference, kind) == ("DagRunLogicalDateDeadline", "AsyncCallback")
    assert (seconds, kwargs) == (4 * 3600, {"by": "06:00"})  # the run starts at 02:00
    assert path == "counterflow.alarms.deadline_passed"
    assert parsed["timeout"] == 20 * 3600
    assert parsed["died"] == "died"


def test_the_steps_follow_each_other(parsed: dict[str, Any]) -> None:
    tasks = parsed["tasks"]
    assert sorted(tasks) == sorted(STEPS)
    for before, after in pairwise(STEPS):
        assert before in tasks[after]["after"]


def test_one_mission_is_one_mapped_task_in_a_pool(parsed: dict[str, Any]) -> None:
    tasks = parsed["tasks"]
    assert [name for name in STEPS if tasks[name]["mapped"]] == ["ingest"]
    assert tasks["ingest"]["pool"] == "missions"


def test_failures_of_missions_stop_nothing_but_failed_gates_stop_publication(
    parsed: dict[str, Any],
) -> None:
    rules = {name: task["rule"] for name, task in parsed["tasks"].items()}
    assert rules["validate"] == rules["tell"] == rules["report"] == "all_done"
    assert {rules[name] for name in STEPS} - {"all_done"} == {"all_success"}
    assert rules["publish"] == rules["gates"] == rules["transform"] == "all_success"


def test_every_step_is_tried_again_on_another_worker_when_its_own_is_lost(
    parsed: dict[str, Any],
) -> None:
    # what fails by itself is not: the policy says so (test below), and it is asked only of what was raised
    assert {task["retries"] for task in parsed["tasks"].values()} == {2}


def test_publication_updates_the_asset(parsed: dict[str, Any]) -> None:
    assert {n: t["outlets"] for n, t in parsed["tasks"].items() if t["outlets"]} == {
        "publish": ["counterflow_warehouse"]
    }


# The wiring, executed by Airflow with steps that only write down that they were called. All nights in
# one process: importing Airflow costs more than running one.
WIRED = """
import datetime as dt, json, sys, types
from types import SimpleNamespace as Result
night, calls, found = {}, [], {}
def step(name, value):
    def called(settings, date, *arguments):
        calls.append([name, str(date), *[a for a in arguments if isinstance(a, (str, list))]])
        if name == night.get("broken"):
            raise RuntimeError(name + " broke")
        return value(*arguments)
    return called
class Made(Result):
    def to_dict(self):
        return dict(self.__dict__)
steps = types.ModuleType("counterflow.nightly")
steps.plan = step("plan", lambda *a: Made(changed=night["changed"], statuses={"KHM": "unchanged"}))
steps.ingest = step("ingest", lambda mission, refresh: Made(
    mission=mission, status=night["statuses"].get(mission, "landed"), message=mission + " said so"))
steps.validate = step("validate", lambda *a: [])
steps.transform = step("transform", lambda *a: Made())
steps.gates = step("gates", lambda *a: [])
steps.publish = step("publish", lambda *a: Made(night="n"))
steps.pages = step("pages", lambda *a: Result(
    built=["missions"], text="shown", failed=["checks (KeyError)"] if night.get("blind") else []))
steps.tell = step("tell", lambda *a: Result(
    news=1, text="told", failed=["mail (ConnectionRefusedError)"] if night.get("deaf") else []))
steps.report = step("report", lambda *a: Made(text="the report"))
import counterflow
sys.modules["counterflow.nightly"] = counterflow.nightly = steps
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(dag_folder=FOLDER).dags["nightly"]
east = dt.timezone(dt.timedelta(hours=4))
for number, (name, changes) in enumerate(NIGHTS.items()):
    night = {"changed": ["MDA", "UKR"], "statuses": {}, "conf": {}} | changes
    calls.clear()
    logical = dt.datetime(2010, 11, 26, 1, minute=number, tzinfo=east)
    run = dag.test(run_conf=night["conf"], logical_date=logical)
    states = {}
    for ti in run.get_task_instances():
        states.setdefault(ti.task_id, []).append(str(ti.state))
    found[name] = dict(run=str(run.state), states=states, calls=list(calls))
print(json.dumps(found))
"""
BREAKABLE = ["plan", "validate", "transform", "gates", "publish"]
NIGHTS: dict[str, dict[str, Any]] = {
    "plain": {"conf": {"missions": ["MDA", "UKR"]}},
    "of another date": {"conf": {"night": "2011-01-31"}},
    "unchanged": {"changed": []},
    "with a failed mission": {"statuses": {"MDA": "failed", "UKR": "refused"}},
    "that nobody hears of": {"deaf": True},
    "without some pages": {"blind": True},
    **{f"{step} breaks": {"broken": step} for step in BREAKABLE},
}


@pytest.fixture(scope="module")
def nights(in_airflow: Run) -> dict[str, Any]:
    head = f"FOLDER = {str(PROJECT / 'dags')!r}\nNIGHTS = {NIGHTS!r}\n"
    found: dict[str, Any] = in_airflow(head + WIRED)
    return found


def called(found: dict[str, Any]) -> list[str]:
    return [call[0] for call in found["calls"]]


def test_a_night_goes_through(nights: dict[str, Any]) -> None:
    found = nights["plain"]
    assert found["run"] == "success"
    assert called(found) == ["plan", "ingest", *STEPS[1:]]
    # the day of the logical date in UTC, although it is the 26th where the run was started
    assert {call[1] for call in found["calls"]} == {"2010-11-25"}
    assert found["calls"][0][2] == ["MDA", "UKR"]


def test_the_night_is_a_parameter(nights: dict[str, Any]) -> None:
    assert {call[1] for call in nights["of another date"]["calls"]} == {"2011-01-31"}


def test_an_unchanged_night_ingests_nothing_and_is_published(nights: dict[str, Any]) -> None:
    assert nights["unchanged"]["run"] == "success"
    assert called(nights["unchanged"]) == ["plan", *STEPS[2:]]


def test_a_failed_mission_is_seen_and_stops_nothing(nights: dict[str, Any]) -> None:
    found = nights["with a failed mission"]
    assert sorted(found["states"]["ingest"]) == ["failed", "success"]
    assert called(found).count("ingest") == 2  # not tried again
    assert found["states"]["publish"] == ["success"]
    assert found["run"] == "success"


def test_a_digest_that_is_not_sent_is_seen_and_fails_no_night(nights: dict[str, Any]) -> None:
    found = nights["that nobody hears of"]
    assert found["states"]["tell"] == ["failed"]
    assert found["run"] == "success"


def test_pages_that_are_not_built_are_seen_and_fail_no_night(nights: dict[str, Any]) -> None:
    found = nights["without some pages"]
    assert found["states"]["pages"] == ["failed"]
    assert found["states"]["tell"] == ["success"]
    assert called(found)[-3:] == ["pages", "tell", "report"]
    assert found["run"] == "success"


@pytest.mark.parametrize("step", BREAKABLE)
def test_a_step_that_breaks_fails_the_run_and_is_reported(
    nights: dict[str, Any], step: str
) -> None:
    found = nights[f"{step} breaks"]
    assert called(found)[-3:] == [step, "tell", "report"]
    assert ("publish" in called(found)) == (step == "publish")
    assert found["run"] == "failed"
