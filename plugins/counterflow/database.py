"""The PostgreSQL that machines of one agency share: its connection in, how to reach it out.

It holds locks (counterflow.locks) and the catalogue of a DuckLake, and is not Airflow's own: a task may not
open that one. Its password is read when it is needed and is in no setting, argument or message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from counterflow.settings import Settings

if TYPE_CHECKING:
    from counterflow.connections import Connection


def shared_connection(settings: Settings, name: str) -> Connection | None:
    """A connection to what machines share: on a command line too Airflow's backends are asked for it."""
    from counterflow import connections

    return connections.find(replace(settings, connections="airflow"), name)


def parameters(settings: Settings) -> dict[str, Any]:
    """What a client of PostgreSQL is given. Raises ValueError if there is no such connection."""
    name = settings.database_connection
    found = shared_connection(settings, name)
    if found is None:
        raise ValueError(
            f"there is no connection {name} (COUNTERFLOW_DATABASE_CONNECTION): machines that share a store "
            "need a PostgreSQL for their locks. See docs/scale.md"
        )
    given = {
        "host": found.host,
        "port": found.port or 5432,
        "user": found.login,
        "password": found.password,
        "dbname": found.schema or "counterflow",
        "sslmode": found.word("sslmode", "prefer"),
        "sslrootcert": found.word("sslrootcert"),
    }
    return {key: value for key, value in given.items() if value}
