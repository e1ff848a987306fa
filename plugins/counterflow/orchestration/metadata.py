"""Airflow's metadata database, made ready: the tables, the pool that ingest tasks wait in, the login.

Run as `python -m counterflow.orchestration.metadata`, by `make demo`, `make up` and the init service
of `docker-compose.yml`: one process instead of three calls of the `airflow` command.
"""

from __future__ import annotations

import sqlite3
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
    make_login(Path(conf.get("core", "simple_auth_manager_passwords_file")))
    Pool.create_or_update_pool(
        POOL,
        slots=SLOTS_PER_WORKER * Settings.from_env().workers,
        description="Missions pulled at the same time: their servers and lines are weak.",
        include_deferred=False,
    )


def _write_ahead(path: str) -> None:
    """Readers and the writer of SQLite no longer wait for each other; the file remembers it."""
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode = wal")


if __name__ == "__main__":
    main()
