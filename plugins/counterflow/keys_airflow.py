"""Keys out of Airflow's secrets backends: the name of a key in, its text out.

Beside the DAGs the only module that imports Airflow: which backends are asked (Vault, a cloud's secrets
manager, …) is said in Airflow's configuration, and nobody should have to say it twice. It is loaded only
where COUNTERFLOW_KEYS=airflow. In a task Airflow asks its API last; outside of one, the backends alone.
"""

from __future__ import annotations

import time
from functools import lru_cache

from counterflow.keys import LINKING, MASTER, NEXT, KeyRefusedError

VARIABLES = {
    MASTER: "counterflow_master_key",
    LINKING: "counterflow_linking_key",
    NEXT: "counterflow_master_key_next",
}


def said(name: str) -> str:
    """How a message names a key."""
    return f"Airflow's variable {VARIABLES[name]}"


def read(name: str) -> str:
    """The text of a key. Raises KeyRefusedError if a backend does not answer or none holds it.

    A night needs the keys some hundred times: a backend is asked once a minute.
    """
    found = _remembered(name, int(time.monotonic() // 60))
    if found is None:
        raise KeyRefusedError(
            f"{said(name)} is in no secrets backend (COUNTERFLOW_KEYS=airflow): put it there, or restore it. "
            "See docs/runbooks/key_refused.md"
        )
    return found


@lru_cache(maxsize=len(VARIABLES))
def _remembered(name: str, _minute: int) -> str | None:
    return find(name)


def forget() -> None:
    """Ask the backends again: the keys are other ones now."""
    _remembered.cache_clear()


def find(name: str) -> str | None:
    """The text of a key, None if no backend holds it.

    A backend that does not answer is a refusal. `Variable.get` would go on to the next one, which may
    hold an older key.
    """
    return _asked(VARIABLES[name], said(name))


def find_export(name: str) -> str | None:
    """The key that a mission's export is locked with, by its name in the contract; None if no backend holds it."""
    variable = f"counterflow_export_{name}"
    return _asked(variable, f"Airflow's variable {variable}")


def _asked(variable: str, called: str) -> str | None:
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded
    from airflow.sdk.log import mask_secret

    for backend in ensure_secrets_backend_loaded():
        try:
            found = backend.get_variable(key=variable)
        except Exception as error:  # noqa: BLE001 - of whatever client; its text may hold an address or a token
            raise KeyRefusedError(
                f"{type(backend).__name__} did not answer when asked for {called} "
                f"({type(error).__name__}): see that it runs and may be read. See docs/runbooks/key_refused.md"
            ) from None
        if found is not None:
            mask_secret(found)  # wherever Airflow writes, should anybody ever print it
            return str(found)
    return None
