"""Alarms that Airflow itself raises: the deadline passed, or a run died before it could report.

In: Airflow's context of a run. Out: one short text, sent. Both run outside of the tasks (the triggerer, the
DAG processor), which see no data: the text holds the run and the page of the runbook. Read at every parse of the
DAG: nothing is imported here before an alarm is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


async def deadline_passed(context: Mapping[str, Any] | None = None, by: str = "") -> None:
    """The night is not published by its deadline."""
    from counterflow import notifying
    from counterflow.settings import Settings
    from counterflow.warehouse.manifest import published_night

    settings = Settings.from_env()
    run = (context or {}).get("dag_run") or {}
    night = str(run.get("logical_date") or run.get("run_after") or "")[:10]
    published = published_night(settings)  # None too where this process does not see the data
    if published is not None and night and str(published) >= night:
        return  # another run of the night has published it
    subject = f"Counterflow, night {night}: NOT published by {by} UTC"
    text = (
        f"{subject}\n\nThe run is {run.get('state') or 'not over'}. What analysts open is as it was.\n"
        f"    {settings.notices.pages}deadline_passed.md\n"
    )
    _shown(await notifying.send_async(settings, subject, text))


def run_died(context: Mapping[str, Any]) -> None:
    """A run failed, and nobody was told of it by its own step: it was killed, or timed out."""
    from counterflow import notifying
    from counterflow.settings import Settings

    if _has_told(context):
        return
    settings = Settings.from_env()
    run = str(context.get("run_id") or "")
    reason = str(context.get("reason") or "unknown")
    subject = f"Counterflow: the run {run} died"
    text = (
        f"{subject} ({reason}) before it could report. What analysts open is as it was, or its last publication.\n"
        f"    {settings.notices.pages}night_failed.md\n"
    )
    _shown(notifying.send(settings, subject, text))


def _has_told(context: Mapping[str, Any]) -> bool:
    """Whether the run's own step `tell` came to its end."""
    try:
        return context["ti"].xcom_pull(task_ids="tell") is not None
    except Exception:  # noqa: BLE001 - who cannot ask tells once too often
        return False


def _shown(channels: Mapping[str, str]) -> None:
    for channel, became in sorted(channels.items()):
        print(f"{channel}: {became}")
