"""Airflow's metadata database, made ready: the tables, the pool that ingest tasks wait in, the login.

`clean` removes the records of old runs. Run as `python -m counterflow.orchestration.metadata`, by `make demo`, `make up` and the init service
of `docker-compose.yml`: one process instead of three calls of the `airflow` command.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

from counterflow.orchestration.config import POOL, make_login
from counterflow.settings import Settings

SLOTS_PER_WORKER = 4  # more than can run on this machine; lower it in the UI to be gentler


def main() -> None:
    """Create or migrate the tables, then the pool."""
    from airflow import settings as airflow_settings
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils import db

    connection = airflow_settings.SQL_ALCHEMY_CONN or ""
    if connection.startswith("sqlite:///"):
        _write_ahead(connection.removeprefix("sqlite:///"))
    db.initdb()
    users = conf.get("core", "simple_auth_manager_users").split(",")
    path = Path(conf.get("core", "simple_auth_manager_passwords_file"))
    make_login(path, [user.partition(":")[0].strip() for user in users])
    Pool.create_or_update_pool(
        POOL,
        slots=SLOTS_PER_WORKER * Settings.from_env().workers,
        description="Missions pulled at the same time: their servers and lines are weak.",
        include_deferred=False,
    )


def clean(before: date) -> None:
    """Remove what Airflow recorded of runs before a day: task instances, XCom, rendered fields, events.

    A process of its own: a task may not open Airflow's database, and the address that it is given
    instead is taken away again. It is found as every Airflow process finds it, from `airflow.cfg` or a command.
    """
    blocked = "airflow-db-not-allowed:///"
    environment = {name: value for name, value in os.environ.items() if value != blocked}
    done = subprocess.run(
        [
            sys.executable, "-m", "airflow", "db", "clean",
            "--clean-before-timestamp", f"{before}T00:00:00+00:00", "--skip-archive", "--yes",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(
            f"`airflow db clean` ended with {done.returncode}; run it by hand to see why"
        )


def _write_ahead(path: str) -> None:
    """Readers and the writer of SQLite no longer wait for each other; the file remembers it."""
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode = wal")


if __name__ == "__main__":
    main()
