"""What machines of one agency share, by its connections: their ids in, how store and PostgreSQL are reached out.

Like `keys_airflow` this imports Airflow, and only where there is a store: connections are where Airflow's secrets
backends are. The PostgreSQL holds locks (counterflow.locks) and the catalogue of a DuckLake, and is not Airflow's
own: a task may not open that one. Passwords are read when they are needed, and are in no setting, argument or message.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from counterflow.settings import Settings


class ConnectionAwayError(ConnectionError):
    """A secrets backend does not answer: the next try may find it."""


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """How a server is reached. Has no repr, so that no password is logged."""

    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = ""
    schema: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def word(self, key: str, default: str = "") -> str:
        """A text of the connection's extra."""
        value = self.extra.get(key)
        return default if value is None else str(value)


def shared_connection(settings: Settings, name: str) -> Connection | None:
    """The connection of this id, None if no backend has it: on a command line too they are asked."""
    assert settings.store is not None
    return _remembered(name, int(time.monotonic() // 60))


@lru_cache(maxsize=16)
def _remembered(name: str, _minute: int) -> Connection | None:
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded
    from airflow.sdk.log import mask_secret

    for backend in ensure_secrets_backend_loaded():
        try:
            found = backend.get_connection(conn_id=name)
            extra = json.loads(found.extra) if found is not None and found.extra else {}
        except Exception as error:  # noqa: BLE001 - of whatever client; its text may hold an address or a token
            raise ConnectionAwayError(
                f"{type(backend).__name__} did not answer when asked for the connection {name} "
                f"({type(error).__name__}). See docs/runbooks/store_unreachable.md"
            ) from None
        if found is not None:
            if found.password:
                mask_secret(found.password)  # wherever Airflow writes, should anybody ever print it
            return Connection(
                found.host or "",
                found.port,
                found.login or "",
                found.password or "",
                found.schema or "",
                extra,
            )
    return None


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
