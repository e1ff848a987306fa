"""A mission's connection: its id in, host and secrets out, through Airflow's connections.

Like `keys_airflow` this is a module that imports Airflow, and only where there is something to ask: in a task,
or where the environment says so (`Settings.connections`). Airflow's own chain is asked: AIRFLOW_CONN_…,
secrets backends (Vault, a cloud's), and in a task Airflow's database. Where none knows the id, exports come
from the folder COUNTERFLOW_EXPORTS: a laptop needs no connection.

A backend that does not answer is never taken for one that knows nothing: then the night would load an old
folder in place of the mission's server.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from counterflow.settings import Settings
from counterflow.sources.errors import LinkRefusedError, UnreachableError

_NO_SECRETS = frozenset(
    {"endpoint_url", "region_name", "path", "bucket", "listing", "host_key", "ca", "ca_file"}
)


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """What Airflow knows of a connection. Has no repr, so that no password is logged."""

    name: str
    kind: str
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

    def number(self, key: str, default: int) -> int:
        """A whole number of the extra, 1 or more. Raises LinkRefusedError."""
        text = self.word(key, str(default)).strip()
        if not text.isdecimal() or int(text) < 1:
            raise self.refused(f"`{key}` in its extra is a whole number, 1 or more")
        return int(text)

    def refused(self, problem: str) -> LinkRefusedError:
        """Why the connection cannot be used, in one sentence that tells no secret."""
        return LinkRefusedError(
            f"its connection {self.name} cannot be used: {problem}. See docs/runbooks/connection_refused.md"
        )


def find(settings: Settings, name: str) -> Connection | None:
    """The connection called `name`; None if nobody defined it.

    Raises UnreachableError if a backend does not answer, LinkRefusedError if what it holds is no connection.
    """
    if settings.connections == "none" or not (settings.connections == "airflow" or _in_a_task()):
        return None
    return _remembered(name, int(time.monotonic() // 60))


def forget() -> None:
    """Ask again: connections are other ones now."""
    _remembered.cache_clear()


def _in_a_task() -> bool:
    """Whether this process is one of Airflow's tasks, which Airflow's database answers."""
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(runner, "SUPERVISOR_COMMS", None) is not None


@lru_cache(maxsize=512)
def _remembered(name: str, _minute: int) -> Connection | None:
    """A night needs each connection some times: the backends are asked once a minute."""
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    for backend in ensure_secrets_backend_loaded():
        try:
            found = _asked(backend, name)
        except (UnreachableError, LinkRefusedError):
            raise
        except ValueError:  # neither a URI nor JSON; its text would show it
            raise LinkRefusedError(
                f"its connection {name} is not written as Airflow reads one. "
                "See docs/runbooks/connection_refused.md"
            ) from None
        except Exception:  # noqa: BLE001 - of whatever client; its text may hold an address or a token
            raise UnreachableError(
                f"a secrets backend did not answer when asked for the connection {name}. "
                "See docs/runbooks/connection_refused.md"
            ) from None
        if found is not None:
            return _taken(found, name)
    return None


def _asked(backend: Any, name: str) -> Any:
    """What one backend says. Airflow's own takes every fault for `not found`; so it is asked here."""
    if type(backend).__name__ != "ExecutionAPISecretsBackend":
        return backend.get_connection(conn_id=name)
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection
    from airflow.sdk.execution_time.context import _process_connection_result_conn

    answer = task_runner.SUPERVISOR_COMMS.send(GetConnection(conn_id=name))
    if isinstance(answer, ErrorResponse):
        if answer.error == ErrorType.CONNECTION_NOT_FOUND:
            return None
        raise UnreachableError(
            f"Airflow did not answer when asked for the connection {name}. "
            "See docs/runbooks/connection_refused.md"
        )
    return _process_connection_result_conn(answer)


def _taken(found: Any, name: str) -> Connection:
    from airflow.sdk.log import mask_secret

    text = found.extra
    try:
        extra = json.loads(text) if isinstance(text, str) and text.strip() else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise LinkRefusedError(
            f"its connection {name} cannot be used: its extra is no JSON mapping. "
            "See docs/runbooks/connection_refused.md"
        )
    taken = Connection(
        name=name,
        kind=(found.conn_type or "").lower().replace("-", "_"),
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=extra,
    )
    for secret in _secrets(taken):  # wherever Airflow writes, should anybody ever print it
        mask_secret(secret)
    return taken


def _secrets(connection: Connection) -> Iterator[str]:
    yield from filter(None, [connection.password])
    for key, value in connection.extra.items():
        if key not in _NO_SECRETS and isinstance(value, str) and len(value) >= 8:
            yield value
            yield from (line for line in value.splitlines() if len(line) >= 8)
