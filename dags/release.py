"""A release for outside: made when somebody starts it, and handed out only when somebody says yes.

build (with its gates) → approve (a person; no answer in time is a no) → freeze → close

What is done is in `counterflow.release`, the same functions that `counterflow release build` calls; this file says in
which order, and that nobody's silence releases anything. Tasks hand each other counts and results of gates, never data.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

HOURS = float(os.environ.get("COUNTERFLOW_RELEASE_HOURS", 72))  # to decide; then the answer is no
PARAMS = {
    "k": Param(
        None,
        type=["null", "integer"],
        minimum=11,
        description="Rows that must be alike, if more than the policy's.",
    ),
    "replace": Param(
        False, type="boolean", description="Take the place of a candidate that waits."
    ),
}


class Approval(ApprovalOperator):
    """Airflow's own, which forgets a no: the steps after it are skipped, and its answer is not handed on."""

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Keep who said what, for the ledger."""
        who = event.get("responded_by_user") or {}
        said = {"chosen": event.get("chosen_options"), "by": who.get("name") or who.get("id") or ""}
        context["ti"].xcom_push(key="answer", value=said)
        return super().execute_complete(context, event)


def handed_on(*steps: tuple[str, str]) -> list[Any]:
    """What steps of this run left for the others."""
    ti = get_current_context()["ti"]
    return [ti.xcom_pull(task_ids=step, key=key) for step, key in steps]


@dag(
    dag_id="release",
    description="From the published warehouse to a frozen, numbered release for outside.",
    schedule=None,  # once a quarter, by a person: the rarer, the less two releases can tell together
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={"retries": 0},
    doc_md=__doc__,
    tags=["counterflow"],
)
def release() -> None:
    """Wire the steps."""

    @task(multiple_outputs=False)
    def build() -> dict[str, Any]:
        """A candidate that passed every gate; one that did not fails here, and is taken away."""
        from counterflow.release.building import build as make
        from counterflow.release.policy import load
        from counterflow.settings import Settings

        params = get_current_context()["params"]
        policy = load()
        chosen = policy.with_k(params["k"]) if params["k"] else policy
        made = make(Settings.from_env(), chosen, replace=params["replace"])
        return {**made.to_dict(), "text": made.text}

    approve = Approval(
        task_id="approve",
        subject="Release {{ ti.xcom_pull(task_ids='build')['number'] }} to outside?",
        body="{{ ti.xcom_pull(task_ids='build')['text'] }}",
        defaults="Reject",
        response_timeout=dt.timedelta(hours=HOURS),
    )

    @task(multiple_outputs=False)
    def freeze() -> str:
        """The candidate becomes the release, after its gates have passed once more."""
        from counterflow.release.deciding import approve as release_it
        from counterflow.settings import Settings

        built, said = handed_on(("build", "return_value"), ("approve", "answer"))
        if said is None or said["chosen"] != [ApprovalOperator.APPROVE]:
            raise AirflowFailException("nobody approved it")
        return release_it(Settings.from_env(), built["number"], built["digest"], said["by"])

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def close() -> None:
        """Whatever was not released is taken away, and the ledger says so."""
        from counterflow.release.deciding import reject
        from counterflow.settings import Settings

        built, said, done = handed_on(
            ("build", "return_value"), ("approve", "answer"), ("freeze", "return_value")
        )
        if done:
            print(f"release {done} is frozen")
            return
        if built is None:
            raise AirflowFailException("there is no candidate; the log of build says why")
        by = said["by"] if said else ""
        reason = "rejected" if by else "nobody approved it in time"
        reason = reason if said else "no answer came through: Airflow's log of approve says why"
        reject(Settings.from_env(), built["number"], reason, by, built["digest"])
        print(f"candidate {built['number']} is not released: {reason}")

    build() >> approve >> freeze() >> close()


release()
