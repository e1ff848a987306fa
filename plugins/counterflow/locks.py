"""One process at a time, or many together: locks that are taken back when their holder dies.

On one machine a lock is the system's (flock). Where several machines share a store (counterflow.store) it is
PostgreSQL's as well: an advisory lock of a session, which ends with its connection, and that with its process.
Such a lock also says what it guards: what others made is pulled once it is held, what was made is pushed
before it is given back. So code that is right under these locks on one machine is right over several.

Whoever changes a part of the store holds it alone: `shared` without `only` is `exclusive` over machines.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterflow.settings import Settings
    from counterflow.store import Store

# A machine that vanished without a word is given up after 60 s: its locks are free then.
_SESSION = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "connect_timeout": 10,
    "application_name": "counterflow",
    "options": "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
    "-c idle_session_timeout=0 -c statement_timeout=0 -c lock_timeout=0",
}


class LockLostError(ConnectionError):
    """The database of locks does not answer: nothing that was done under a lock may be shared."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock by its file in the home; with `settings` of a shared store it holds over all machines.

    `guards` names the parts of the home that are changed under it.
    """

    path: Path
    guards: tuple[str, ...] = ()
    settings: Settings | None = None


class Held:
    """A lock while it is held."""

    def __init__(self, store: Store | None = None, parts: tuple[str, ...] = ()) -> None:
        self._store, self._parts = store, parts
        self._sessions: list[_Session] = []

    def push(self) -> None:
        """Let the other machines have what was made so far. Raises LockLostError if the lock was lost."""
        for session in self._sessions:
            session.check()
        if self._store is not None:
            for part in self._parts:
                self._store.push(part)

    def forsake(self) -> None:
        """Share nothing of what is made from now on: it is worth something only as a whole."""
        self._parts = ()

    def sweep(self) -> int:
        """Remove from the store what killed workers left; how many objects."""
        return sum(self._store.sweep(part) for part in self._parts) if self._store else 0


@contextmanager
def exclusive(lock: Lock | Path, only: str | None = None) -> Iterator[Held]:
    """Hold a lock alone; waits for whoever holds it. Nothing is left behind by a kill.

    `only`: of what it guards, this mission's alone is pulled and pushed.
    """
    with _held(_as_lock(lock), fcntl.LOCK_EX, only) as held:
        yield held


@contextmanager
def shared(lock: Lock | Path, only: str | None = None) -> Iterator[Held]:
    """Hold a lock together with others who share it; waits for who holds it alone.

    `only`: the one mission that is read or changed, which nobody else then holds on any machine.
    """
    with _held(_as_lock(lock), fcntl.LOCK_SH, only) as held:
        yield held


def refresh(lock: Lock) -> None:
    """Pull what a lock guards, for who only reads; while somebody in this home holds it, that one has done so."""
    if lock.settings is None:
        return
    from counterflow.store import Store

    try:
        with _flock(lock.path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            store = Store.of(lock.settings)
            for part in lock.guards:
                store.pull(part)
    except BlockingIOError:
        return


@contextmanager
def _held(lock: Lock, how: int, only: str | None) -> Iterator[Held]:
    if lock.settings is None:
        with _flock(lock.path, how):
            yield Held()
        return
    from counterflow.store import Store

    if only is None:
        how = fcntl.LOCK_EX
    parts = lock.guards if only is None else tuple(f"{part}/{only}" for part in lock.guards)
    with ExitStack() as stack:
        store = Store.of(lock.settings)
        held = Held(store, parts)
        wanted = [(lock.path, lock.path.name, how)]
        if only is not None and how == fcntl.LOCK_SH:
            own = lock.path.with_name(f"{lock.path.name}.{only}")
            wanted.append((own, own.name, fcntl.LOCK_EX))
        for path, name, one in wanted:
            stack.enter_context(_flock(path, one))
            held._sessions.append(stack.enter_context(_session(lock.settings, name, one)))
        for part in parts:
            store.pull(part)
        try:
            yield held
        except BaseException:
            # what a step recorded of its failure is to be known; the failure is what is raised
            with suppress(Exception):  # the store is not reached either: the next try does it again
                held.push()
            raise
        held.push()


@contextmanager
def _flock(path: Path, how: int) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)  # closing releases


class _Session:
    """A connection that holds one advisory lock."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise unless the lock is still held: it is as long as its session lives."""
        import psycopg2

        try:
            with self._connection.cursor() as cursor:
                cursor.execute("select 1")
        except psycopg2.Error:
            raise LockLostError(_LOST) from None


_LOST = (
    "the lock was lost: its database (COUNTERFLOW_DATABASE_CONNECTION) was restarted or is not reached. "
    "Nothing of this step was shared, and the next try does it again. See docs/runbooks/store_unreachable.md"
)


@contextmanager
def _session(settings: Settings, name: str, how: int) -> Iterator[_Session]:
    import psycopg2

    from counterflow.database import parameters

    function = "pg_advisory_lock" if how == fcntl.LOCK_EX else "pg_advisory_lock_shared"
    try:
        connection = psycopg2.connect(**_SESSION, **parameters(settings))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"select {function}(%s)", (_number(settings, name),))
    except psycopg2.Error as error:
        raise LockLostError(
            f"the database of locks does not answer ({type(error).__name__}): see COUNTERFLOW_DATABASE_CONNECTION "
            "and docs/runbooks/store_unreachable.md"
        ) from None
    try:
        yield _Session(connection)
    finally:
        connection.close()


def _number(settings: Settings, name: str) -> int:
    """A lock's number in the database, from the store and its name: stores of one database do not meet."""
    digest = hashlib.sha256(f"{settings.store}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _as_lock(lock: Lock | Path) -> Lock:
    return lock if isinstance(lock, Lock) else Lock(lock)
