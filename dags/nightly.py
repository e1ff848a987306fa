"""The nightly load: one run a night, one task a mission whose export changed.

plan → ingest (a task a mission) → validate → transform → gates → publish → report

What is done is in `counterflow.nightly`, the same functions that `counterflow nightly` calls; this file
says in which order, how often and what happens when a step fails. Tasks import it when they run, because
this file is read at every parse. Tasks hand each other mission codes and counts, never data.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import (
    Asset,
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

# A line that breaks heals; a wrong password, a refused file or a bug of ours does not.
NETWORK_ONLY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            [ConnectionError, TimeoutError],
            action=RetryAction.RETRY,
            retry_delay=dt.timedelta(minutes=2),
            reason="the mission's server did not answer",
        )
    ],
    default=RetryAction.FAIL,
)


def the_night() -> dt.date:
    """The night this run loads: its parameter, else the day of its logical date, in UTC."""
    context = get_current_context()
    if night := context["params"]["night"]:
        return dt.date.fromisoformat(night)
    moment = context["dag_run"].logical_date or context["dag_run"].run_after
    return moment.astimezone(dt.UTC).date()


@dag(
    dag_id="nightly",
    description="From 72 missions' exports to one published warehouse.",
    schedule="0 2 * * *",
    catchup=False,  # and no start date: the first run is the next 02:00, not the last one
    max_active_runs=1,  # a run triggered meanwhile waits: there is one writer
    doc_md=__doc__,
    tags=["counterflow"],
    default_args={"retries": 0},
    params={
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
        "full_refresh": Param(
            False, type="boolean", description="Read exports again although they did not change."
        ),
    },
)
def nightly() -> None:
    """Wire the steps."""

    @task(multiple_outputs=False)
    def plan(params: dict[str, Any]) -> list[str]:
        """The missions whose export changed."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        found = steps.plan(
            Settings.from_env(), the_night(), params["missions"] or None, params["full_refresh"]
        )
        return found.changed

    @task(
        multiple_outputs=False,
        pool="missions",
        retries=2,
        retry_policy=NETWORK_ONLY,
        map_index_template="{{ task.op_kwargs['mission'] }}",
    )
    def ingest(mission: str) -> dict[str, Any]:
        """One mission's export, from its server to landing. All that is personal is in here."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        outcome = steps.ingest(Settings.from_env(), the_night(), mission)
        if outcome.status == "failed":
            raise AirflowFailException(f"{mission}: {outcome.message}")
        return outcome.to_dict()

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def validate(missions: list[str]) -> dict[str, Any]:
        """Great Expectations over all that landed, whichever missions failed."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        verdicts = steps.validate(Settings.from_env(), the_night(), missions)
        return {"verdicts": len(verdicts)}

    @task(multiple_outputs=False)
    def transform() -> dict[str, Any]:
        """The dbt build, beside what is published."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        return steps.transform(Settings.from_env(), the_night()).to_dict()

    @task(multiple_outputs=False)
    def gates() -> list[dict[str, Any]]:
        """Whether the build may be published."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        return [gate.to_dict() for gate in steps.gates(Settings.from_env(), the_night())]

    @task(multiple_outputs=False, outlets=[Asset("counterflow_warehouse")])
    def publish() -> dict[str, Any]:
        """The build takes the place of what analysts open."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        return steps.publish(Settings.from_env(), the_night()).to_dict()

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def report() -> None:
        """What happened and what to do; the run fails if nothing was published."""
        from counterflow import nightly as steps
        from counterflow.settings import Settings

        print(steps.report(Settings.from_env(), the_night()).text)
        if get_current_context()["ti"].xcom_pull(task_ids="publish") is None:
            raise AirflowFailException("not published; what analysts open is as it was")

    changed = plan()
    read = ingest.expand(mission=changed)
    validated = validate(changed)
    read >> validated >> transform() >> gates() >> publish() >> report()


nightly()
