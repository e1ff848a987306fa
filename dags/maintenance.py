"""The daily clean-up: what is kept longer than its period goes, and what killed runs left.

sweep → metadata

What is done is in `counterflow.retention` and `counterflow.orchestration.metadata`; this file says when.
The day is the run's: nothing asks a clock for it. What went is printed and returned as counts.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

PARAMS = {
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        description="Periods are counted back from this day; empty: the day of the run, in UTC.",
    ),
}


def the_day(context: Any) -> dt.date:
    """The day this run is of: its parameter, else the day of its logical date, in UTC."""
    if day := context["params"]["day"]:
        return dt.date.fromisoformat(day)
    moment: dt.datetime = context["dag_run"].logical_date or context["dag_run"].run_after
    return moment.astimezone(dt.UTC).date()


@dag(
    dag_id="maintenance",
    description="Retention: what is kept longer than its period goes.",
    schedule="0 12 * * *",  # UTC; ten hours after the night began
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={"retries": 0},
    doc_md=__doc__,
    tags=["counterflow"],
)
def maintenance() -> None:
    """Wire the steps."""

    @task(multiple_outputs=False)
    def sweep() -> list[dict[str, Any]]:
        """Landing, build, warehouse and Airflow's logs."""
        from pathlib import Path

        from airflow.sdk.configuration import conf

        from counterflow.retention import enforce
        from counterflow.settings import Settings

        logs = Path(conf.get("logging", "base_log_folder"))
        swept = enforce(Settings.from_env(), the_day(get_current_context()), logs)
        print("\n".join(map(str, swept)) or "nothing was due")
        return [one.to_dict() for one in swept]

    @task(multiple_outputs=False)
    def metadata() -> None:
        """Airflow's own records of old runs: task instances, XCom, rendered fields, events."""
        from counterflow.orchestration.metadata import clean
        from counterflow.settings import Settings

        days = Settings.from_env().retention.airflow
        clean(the_day(get_current_context()) - dt.timedelta(days=days))

    sweep() >> metadata()


maintenance()
