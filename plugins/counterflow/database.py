"""What machines of one agency share, by its connections: settings in, how store and PostgreSQL are reached out.

The PostgreSQL holds locks (counterflow.locks) and the catalogue of a DuckLake, and is not Airflow's own: a task may
not open that one. Passwords are read when they are needed, and are in no setting, argument or message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from counterflow.settings import Settings

if TYPE_CHECKING:
    from counterflow.connections import Connection


def shared_connection(settings: Settings, name: str) -> Connection | None:
    """The connection of this id, None if nobody has it: on a command line too Airflow's backends are asked.

    A folder named for exports (`--exports`) changes nothing in how the store is reached.
    """
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
