"""How many sessions a server sees from us at once: a host in, a place that is held as long as it is used out.

A place is a locked file under `$COUNTERFLOW_HOME/hosts`; the system takes it back when its holder dies. It counts
over all processes of this machine; over several, Airflow's pool `missions` counts as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterflow.sources.errors import UnreachableError

_WAIT = 0.1
_PATIENCE = 1800.0


@contextmanager
def place(folder: Path, host: str, sessions: int, patience: float = _PATIENCE) -> Iterator[int]:
    """One of `sessions` places at `host`; waits until one is free. Raises UnreachableError after half an hour."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = hashlib.sha256(host.encode()).hexdigest()[:16]  # what stands where is nobody's business
    until = time.monotonic() + patience
    while True:
        for number in range(sessions):
            descriptor = os.open(folder / f"{name}.{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            try:
                yield number
            finally:
                os.close(descriptor)
            return
        if time.monotonic() > until:
            raise UnreachableError(
                "all sessions that its server allows have been taken for half an hour"
            )
        time.sleep(_WAIT)
