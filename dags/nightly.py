"""The nightly load: one run a night, one task a mission whose export changed.

plan → ingest (a task a mission) → validate → transform → gates → publish → pages → tell → report

What is done is in `counterflow.nightly`, the same functions that `counterflow nightly` calls; this file
says in which order, how often, and what happens when a step fails. Tasks import it when they run, because
this file is read at every parse. They hand each other mission codes, statuses and counts, never data.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from airflow.sdk import (
    Asset,
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    TriggerRule,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException

# A line that breaks heals, be it a mission's or the store's, and a worker that was lost is another one the next
# time (the scheduler sees to that: `retries` alone counts then); a wrong password, a refused file, a gate or a
# fault of ours stays what it is. What a lost worker had done is found again, so every step may be repeated.
NETWORK_ONLY = ExceptionRetryPolicy(
    rules=[RetryRule([ConnectionError, TimeoutError], reason="a server did not answer")],
    default=RetryAction.FAIL,
)
HOUR = 2  # UTC
# UTC; by then a night is published. Set where the schedule is on; nowhere else, because `dag.test()` of Airflow 3.3
# cannot end a run of a DAG that has a deadline (it looks its definition up by an id that only a stored DAG has).
DEADLINE = os.environ.get("COUNTERFLOW_DEADLINE")
PARAMS = {
    "night": Param(
        None,
        type=["null", "string"],
        format="date",
        description="The night to load; empty: the day of the run, in UTC.",
    ),
    "missions": Param(
        [],
        type="array",
        items={"type": "string", "pattern": "^[A-Z]{3}$"},
        description="ISO 3166 alpha-3 codes; empty: all missions.",
    ),
    "full_refresh": Param(False, type="boolean", description="Read unchanged exports again."),
}


def the_night(context: Any) -> dt.date:
    """The night this run loads: its parameter, else the day of its logical date, in UTC."""
    if night := context["params"]["night"]:
        return dt.date.fromisoformat(night)
    moment: dt.datetime = context["dag_run"].logical_date or context["dag_run"].run_after
    return moment.astimezone(dt.UTC).date()


def now_running() -> tuple[Any, Any, dt.date, dict[str, Any]]:
    """What every task needs: the steps, the settings, the night and the run's parameters."""
    from counterflow import nightly as steps
    from counterflow.settings import Settings

    context = get_current_context()
    return steps, Settings.from_env(), the_night(context), context["params"]


def after_the_start(clock: str) -> dt.timedelta:
    """How long after its start a run has until `clock` (HH:MM, UTC) of its day or the next."""
    by = dt.datetime.strptime(clock, "%H:%M") - dt.datetime.strptime(f"{HOUR:02}:00", "%H:%M")
    return by if by > dt.timedelta(0) else by + dt.timedelta(days=1)


def published_by(clock: str) -> DeadlineAlert:
    """The alarm of a night that is late. A run without a logical date, started by hand, has none."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=after_the_start(clock),
        # in the triggerer: with every executor, and also while the workers are what is down
        callback=AsyncCallback("counterflow.alarms.deadline_passed", kwargs={"by": clock}),
    )


def died(context: Any) -> None:
    """Tell of a run that failed before its own step `tell` could."""
    from counterflow.alarms import run_died

    run_died(context)


@dag(
    dag_id="nightly",
    description="From all missions' exports to one published warehouse.",
    schedule=f"0 {HOUR} * * *",
    catchup=False,  # and no start date: the first scheduled run is the next 02:00, not the last
    max_active_runs=1,  # a run triggered meanwhile waits its turn
    dagrun_timeout=dt.timedelta(hours=20),  # one that hangs does not stop the nights after it
    on_failure_callback=died,
    deadline=published_by(DEADLINE) if DEADLINE else None,
    params=PARAMS,
    # how long between two tries is Airflow's `default_task_retry_delay`, a minute here
    default_args={"retries": 2, "retry_policy": NETWORK_ONLY},
    doc_md=__doc__,
    tags=["counterflow"],
)
def nightly() -> None:
    """Wire the steps."""

    @task(multiple_outputs=False)
    def plan() -> list[str]:
        """The missions whose export changed; what is known of the others already."""
        from counterflow.nights import came_from

        steps, settings, night, params = now_running()
        found = steps.plan(settings, night, params["missions"] or None, params["full_refresh"])
        came_from(settings, night, get_current_context()["run_id"])
        get_current_context()["ti"].xcom_push("statuses", found.statuses)
        return found.changed

    @task(
        multiple_outputs=False,
        pool="missions",
        map_index_template="{{ label | default(task.op_kwargs['mission']) }}",
    )
    def ingest(mission: str) -> dict[str, Any]:
        """One mission's export, from its server to landing. All that is personal stays in here."""
        steps, settings, night, params = now_running()
        done = steps.ingest(settings, night, mission, params["full_refresh"])
        if done.status == "failed":
            raise AirflowFailException(done.message)
        if done.status == "refused":  # an outcome, not an error: the task has done its work
            get_current_context()["label"] = f"{mission} refused"
        return done.to_dict()

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def validate(changed: list[str] | None) -> dict[str, int]:
        """Great Expectations over all that landed, whichever missions failed."""
        if changed is None:
            raise AirflowFailException("nothing was planned, so there is nothing to judge")
        steps, settings, night, params = now_running()
        return {"judged": len(steps.validate(settings, night, params["missions"] or None))}

    @task(multiple_outputs=False)
    def transform() -> dict[str, Any]:
        """The dbt build, beside what analysts open; past nights first whose history is due."""
        steps, settings, night, _ = now_running()

        def told(step: str, at: int, of: int) -> None:
            if step == steps.HISTORY:
                print(f"past night {at} of {of} derived")

        return steps.transform(settings, night, told).to_dict()

    @task(multiple_outputs=False)
    def gates() -> list[dict[str, Any]]:
        """Whether the build may be published; a gate that fails fails the task, with its reason."""
        steps, settings, night, _ = now_running()
        return [gate.to_dict() for gate in steps.gates(settings, night)]

    @task(multiple_outputs=False, outlets=[Asset("counterflow_warehouse")])
    def publish() -> dict[str, Any]:
        """The build takes the place of what analysts open."""
        steps, settings, night, _ = now_running()
        return steps.publish(settings, night).to_dict()

    @task(multiple_outputs=False)
    def pages() -> list[str]:
        """What people look at, of what was published; a set that fails is seen here, and fails no night."""
        steps, settings, night, _ = now_running()
        shelved = steps.pages(settings, night)
        print(shelved.text)
        if shelved.failed:
            raise AirflowFailException(f"pages not built: {', '.join(shelved.failed)}")
        return list(shelved.built)

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def tell() -> int:
        """What is new, to people; a channel that fails is seen here, and fails no night."""
        steps, settings, night, _ = now_running()
        told = steps.tell(settings, night)
        print(told.text)
        if told.failed:
            raise AirflowFailException(f"not told by {', '.join(told.failed)}")
        return told.news

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def report() -> None:
        """What happened and what to do, always; the run fails if this run did not publish."""
        steps, settings, night, _ = now_running()
        ti = get_current_context()["ti"]
        print(steps.report(settings, night, ti.xcom_pull(task_ids="plan", key="statuses")).text)
        if ti.xcom_pull(task_ids="publish") is None:
            raise AirflowFailException("not published: what analysts open is as it was")

    changed = plan()
    judged = validate(changed)
    (
        ingest.expand(mission=changed)
        >> judged
        >> transform()
        >> gates()
        >> publish()
        >> pages()
        >> tell()
        >> report()
    )


nightly()
