"""Imported once by every Airflow process; where tasks are forked, imports what they need before the fork.

An ingest task works for less than a second; importing Airflow's task runner, Arrow, Great Expectations
and dbt takes more than ten. The scheduler (LocalExecutor) and the Celery worker therefore import them
once, and every task inherits them. The API server, the DAG processor and the command line do not. The contracts
of all missions are read there too: a step that asks for all of them would spend most of a second on it. A
contract that changes later is read again by whoever asks for it.

Each process also tells SQLite not to wait for the disk at every commit.
"""

import importlib
import logging
import os
import sys
from typing import Any

FORKING_COMMANDS = {"scheduler", "celery"}
EXECUTOR = "AIRFLOW__CORE__EXECUTOR"
PRELOADED = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.definitions.retry_policy",
    "airflow.providers.standard.decorators.python",
    "counterflow.ingest",
    "counterflow.nightly",
    "counterflow.judging",
    "counterflow.isolation",
    "counterflow.export_keys",
    "counterflow.pages.sets",
    "counterflow.pages.checks",
    "counterflow.pages.dbt_docs",
    "counterflow.pages.stewards",
    "counterflow.site.pages",
    "counterflow.telling",
    "counterflow.purging",
    "counterflow.refusals",
    "counterflow.validation.gx",
    "great_expectations",
    "counterflow.sealing",
    "counterflow.warehouse.build",
    "counterflow.warehouse.dbt_plugin",
    "counterflow.warehouse.gates",
    "counterflow.warehouse.publication",
    "counterflow.warehouse.sources",
    "openlineage.client.event_v2",
    "openlineage.client.facet_v2",
    "dbt.cli.main",
    "dbt.adapters.duckdb.impl",
)


def preload(command: list[str]) -> list[str]:
    """Import `PRELOADED` if this command forks tasks; the names of what was imported.

    What cannot be imported is left for the task that needs it, which will say so in its own log.
    """
    done: list[str] = []
    forking = FORKING_COMMANDS.intersection(command[1:2])
    if os.environ.get(EXECUTOR) == "CeleryExecutor":  # then the scheduler hands tasks on
        forking -= {"scheduler"}
    if forking:
        for name in PRELOADED:
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 - a scheduler must start without it
                logging.getLogger(__name__).warning("not preloaded: %s (%r)", name, error)
            else:
                done.append(name)
        remember()
    return done


def remember() -> None:
    """Read every contract, for the tasks to come. One that is broken is its own task's business."""
    try:
        from counterflow import missions
        from counterflow.settings import Settings

        missions.remember(Settings.from_env())
    except Exception as error:  # noqa: BLE001 - a scheduler must start without them
        logging.getLogger(__name__).warning("contracts not read ahead (%s)", type(error).__name__)


def commit_without_waiting() -> None:
    """Let commits to SQLite, one for every state of every task, go to the disk together.

    With a write-ahead log nothing can be half-written so; a loss of power takes back the last moments of Airflow's own
    records, whose tasks it ended too.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        if "sqlite" in type(connection).__module__:  # also the asynchronous one
            cursor = connection.cursor()
            cursor.execute("pragma journal_mode")
            if cursor.fetchone() == ("wal",):
                cursor.execute("pragma synchronous = normal")
            cursor.close()


commit_without_waiting()
preload(sys.argv)
__all__: list[str] = []  # nothing in here overrides a setting of Airflow
