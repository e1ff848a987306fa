"""The gate that clients of `counterflow serve` talk to: who asks, what, for how long, over which publication.

In: Quack's messages over HTTP. Out: the answers of the analyst's own worker, and the log. A client's connection is the
gate's; what stands behind it may be ended and begun anew: by the next publication, by a query that ran too long, by
rest. So a client stays connected over all of them, and each query sees one publication.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from counterflow.serving import messages, queries
from counterflow.serving.audit import Audit
from counterflow.serving.messages import Message, NotQuackError
from counterflow.serving.tokens import Register, digest
from counterflow.settings import Settings
from counterflow.shell import QueryRefusedError

_LARGEST = 1 << 20  # bytes of a request
_SESSIONS = 64  # connections of an analyst; the one that was silent longest gives way
_BEYOND = (
    400 << 20
)  # bytes of a worker that are not DuckDB's buffers: a query's results, its libraries
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START = 60.0  # seconds that a worker may take to start
_TYPE = [(b"content-type", b"application/vnd.duckdb")]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one analyst may use."""

    seconds: float = 60.0  # of the server's time, for one query
    memory: int = 1 << 30  # bytes
    threads: int = 1
    rest: float = 600.0  # seconds without a query after which the worker ends


class Gone(Exception):
    """The worker ended while it worked, or does not start."""


class TooLong(Gone):
    """It was ended, because a query took longer than one may."""


class TooMuch(Gone):
    """It was ended, because it used more memory than it may."""


class Worker:
    """A process over one publication, and how it is asked."""

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, secret: str, of: Any
    ) -> None:
        self.process, self.secret, self.publication = process, secret, of
        self.busy = 0
        self.grown = False  # it used more memory than DuckDB admits to, and was ended for it
        self.last = time.monotonic()
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=httpx.Timeout(None), trust_env=False
        )

    @classmethod
    async def start(cls, limits: Limits, publication: Any) -> Worker:
        """Raises Gone if it does not start."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "counterflow.serving.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        secret = secrets.token_urlsafe(32)
        told = {"secret": secret, "memory": limits.memory, "threads": limits.threads}
        try:
            process.stdin.write(json.dumps(told).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), _START)
            return cls(process, json.loads(line)["port"], secret, publication)
        except (OSError, ValueError, TimeoutError):
            _kill(process)
            raise Gone("the warehouse cannot be opened just now") from None

    async def ask(self, data: bytes) -> Message:
        """Its answer. Raises Gone."""
        self.busy += 1
        try:
            said = await self._client.post("/quack", content=data)
            return messages.read(said.content)
        except (httpx.HTTPError, NotQuackError):
            if self.grown:
                raise TooMuch("the query used more memory than one may and was ended") from None
            raise Gone("the query ended with the process that ran it") from None
        finally:
            self.busy -= 1
            self.last = time.monotonic()

    def weigh(self, limit: int) -> None:
        """End it if it is heavier than `limit`; DuckDB's own limit does not count everything."""
        try:
            with Path(f"/proc/{self.process.pid}/statm").open(encoding="ascii") as said:
                held = int(said.read().split()[1]) * _PAGE
        except (OSError, IndexError):
            return
        if held > limit + _BEYOND:
            self.grown = True
            _kill(self.process)

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.process.returncode is None

    async def end(self) -> None:
        """End it, whatever it does."""
        _kill(self.process)
        await self.process.wait()
        await self._client.aclose()


@dataclass
class Running:
    """A query whose answer a client has not fetched to its end."""

    number: str
    rows: int = 0
    spent: float = 0.0
    types: bytes = b""
    again: bool = False  # it was begun a second time


@dataclass
class Session:
    """A client's connection: the request that opened it, and the worker that it is led to now."""

    name: str
    hashed: str
    client: str
    opening: Message
    worker: Worker
    inside: str  # its number at the worker
    last: float = field(default_factory=time.monotonic)
    query: Running | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Gate:
    """The server's state, and what it does with a message."""

    def __init__(self, settings: Settings, limits: Limits, audit: Audit) -> None:
        self._settings, self._limits, self._audit = settings, limits, audit
        self._tokens = Register(settings)
        self._sessions: dict[str, Session] = {}
        self._workers: dict[str, Worker] = {}  # by the analyst's hash: over the newest publication
        self._former: list[Worker] = []  # which still have a query of theirs running
        self._starting: dict[str, asyncio.Lock] = {}

    async def handle(self, data: bytes, client: str) -> bytes:
        """The answer to a client's message."""
        try:
            message = messages.read(data)
            if message.kind == messages.CONNECTION_REQUEST:
                return await self._connect(message, client)
            session = self._sessions.get(message.connection)
            if session is None:
                return messages.error("this connection is not known: attach again")
            if self._tokens.name(session.hashed) is None:
                await self._drop(session.hashed)
                self._audit.told("revoked", session.name, client)
                return messages.error("this token was revoked")
            session.last = time.monotonic()
            if message.kind == messages.DISCONNECT:
                self._left(session)
                self._sessions.pop(message.connection, None)
                return messages.success()
            async with session.lock:
                if message.kind == messages.PREPARE_REQUEST:
                    return await self._prepare(session, message)
                if message.kind == messages.FETCH_REQUEST:
                    return await self._fetch(session, message)
            return messages.error("the warehouse is read-only")
        except NotQuackError:
            return messages.error("this is no message of Quack as DuckDB 1.5 speaks it")
        except Gone as gone:
            return messages.error(str(gone))

    async def _connect(self, message: Message, client: str) -> bytes:
        hashed = digest(messages.first_text(message))
        name = self._tokens.name(hashed)
        if name is None:
            self._audit.told("turned away", "", client)
            return messages.error("this token is not known, or was revoked")
        worker = await self._worker(hashed)
        said, inside = await self._open(message, worker)
        if not inside:
            return said.encoded()
        outside = secrets.token_hex(16).upper()
        mine = [(s.last, key) for key, s in self._sessions.items() if s.hashed == hashed]
        if len(mine) >= _SESSIONS:
            self._left(self._sessions.pop(min(mine)[1]))
        self._sessions[outside] = Session(name, hashed, client, message, worker, inside)
        self._audit.told("connected", name, client)
        return said.on(outside).encoded()

    async def _open(self, opening: Message, worker: Worker) -> tuple[Message, str]:
        """A connection at the worker: its answer, and the number that it gave."""
        said = await worker.ask(messages.with_first_text(opening, worker.secret).encoded())
        return said, said.connection if said.kind == messages.CONNECTION_RESPONSE else ""

    async def _prepare(self, session: Session, message: Message) -> bytes:
        text = messages.first_text(message)
        self._left(session)
        number = self._audit.asked(session.name, session.client, text)
        try:
            queries.check(text)
        except QueryRefusedError as refused:
            self._audit.ended(number, session.name, "refused", 0, 0.0)
            return messages.error(str(refused))
        running = Running(number)
        said = None
        while said is None:
            worker = await self._worker(session.hashed)
            try:
                if worker is not session.worker:
                    said, inside = await self._open(session.opening, worker)
                    if not inside:
                        raise Gone("the warehouse cannot be opened just now")
                    session.worker, session.inside = worker, inside
                said = await self._timed(session, running, message)
            except Gone as gone:
                said = None
                # Ended by another query of the same analyst, or as this one was led to it: a query changes
                # nothing, so it runs once more.
                if isinstance(gone, TooLong | TooMuch) or running.again:
                    self._audit.ended(number, session.name, _outcome(gone), 0, running.spent)
                    raise
                running.again = True
        if said.kind != messages.PREPARE_RESPONSE:
            self._audit.ended(number, session.name, "failed", 0, running.spent)
            return said.encoded()
        found = messages.answer(said)
        running.rows, running.types = found.rows, found.types
        if found.more:
            session.query = running
        else:
            self._audit.ended(number, session.name, "answered", running.rows, running.spent)
        return said.encoded()

    async def _fetch(self, session: Session, message: Message) -> bytes:
        running = session.query
        if (
            running is None
        ):  # a reader more than there are parts; the worker says that there is nothing
            return (await session.worker.ask(message.on(session.inside).encoded())).encoded()
        try:
            said = await self._timed(session, running, message)
        except Gone as gone:
            session.query = None
            self._audit.ended(
                running.number, session.name, _outcome(gone), running.rows, running.spent
            )
            raise
        more = messages.rows(said.body, running.types)
        running.rows += more
        if said.kind != messages.FETCH_RESPONSE or not more:
            outcome = "answered" if said.kind == messages.FETCH_RESPONSE else "failed"
            session.query = None
            self._audit.ended(running.number, session.name, outcome, running.rows, running.spent)
        return said.encoded()

    async def _timed(self, session: Session, running: Running, message: Message) -> Message:
        """The worker's answer; one that takes too long ends the worker."""
        worker = session.worker
        began = time.monotonic()
        try:
            return await asyncio.wait_for(
                worker.ask(message.on(session.inside).encoded()),
                self._limits.seconds - running.spent,
            )
        except TimeoutError:
            await self._discard(worker)
            raise TooLong(
                f"the query took longer than {self._limits.seconds:g} seconds and was ended"
            ) from None
        except Gone:
            await self._discard(worker)
            raise
        finally:
            running.spent += time.monotonic() - began

    async def _worker(self, hashed: str) -> Worker:
        """The analyst's worker over what is published now."""
        async with self._starting.setdefault(hashed, asyncio.Lock()):
            now = publication(self._settings)
            worker = self._workers.get(hashed)
            if worker is not None and worker.runs and worker.publication == now:
                return worker
            if worker is not None:
                self._former.append(worker)
            self._workers[hashed] = await Worker.start(self._limits, now)
            return self._workers[hashed]

    async def _discard(self, worker: Worker) -> None:
        for hashed, one in list(self._workers.items()):
            if one is worker:
                del self._workers[hashed]
        await worker.end()

    async def _drop(self, hashed: str) -> None:
        """End all that an analyst has here."""
        for key in [key for key, s in self._sessions.items() if s.hashed == hashed]:
            self._left(self._sessions.pop(key))
        worker = self._workers.pop(hashed, None)
        if worker is not None:
            await worker.end()

    def _left(self, session: Session) -> None:
        """A query whose answer nobody fetches any more."""
        if session.query is not None:
            one, session.query = session.query, None
            self._audit.ended(one.number, session.name, "left", one.rows, one.spent)

    async def tidy(self) -> None:
        """End workers that rest, that are of tokens no longer in force, and of former publications.

        One of those has as long as a query may take, from its last answer on: who is withdrawn from the new publication
        is not read from the old one for longer.
        """
        now = time.monotonic()
        held = {id(s.worker) for s in self._sessions.values() if s.query is not None}
        for worker in list(self._former):
            waits = worker.busy or (id(worker) in held and now - worker.last < self._limits.seconds)
            if not waits or not worker.runs:
                self._former.remove(worker)
                await worker.end()
        newest = publication(self._settings)
        for hashed, worker in list(self._workers.items()):
            if self._tokens.name(hashed) is None:
                await self._drop(hashed)
            elif not worker.busy and (
                now - worker.last > self._limits.rest or worker.publication != newest
            ):
                del self._workers[hashed]
                self._former.append(worker)

    def weigh(self) -> None:
        """End workers that use more memory than they may."""
        for worker in [*self._workers.values(), *self._former]:
            worker.weigh(self._limits.memory)

    async def close(self) -> None:
        """End every worker."""
        for session in self._sessions.values():
            self._left(session)
        for worker in [*self._workers.values(), *self._former]:
            await worker.end()


def publication(settings: Settings) -> tuple[int, ...]:
    """What tells one publication from another: the manifest, which is replaced with each."""
    for name in ("warehouse.duckdb", "manifest.json"):
        try:
            found = (settings.warehouse / name).stat()
        except FileNotFoundError:
            continue
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return ()


Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def application(gate: Gate) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The gate as an ASGI application: POST /quack, and GET / for who looks whether it runs."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(gate, receive, send)
            return
        if scope["type"] != "http":
            return
        status, said = 404, b"counterflow serve: attach 'quack:HOST:PORT' with DuckDB\n"
        if (scope["method"], scope["path"]) == ("GET", "/"):
            status = 200
        elif (scope["method"], scope["path"]) == ("POST", "/quack"):
            body = await _body(receive)
            client = (scope.get("client") or ("",))[0]
            if body is None:
                said = messages.error("a request has at most 1 MB")
            else:
                said = await gate.handle(body, client)
            status = 200
        length = (b"content-length", str(len(said)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*_TYPE, length]})
        await send({"type": "http.response.body", "body": said})

    return app


async def _body(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            return b""
        size += len(part.get("body", b""))
        if size <= _LARGEST:
            parts.append(part.get("body", b""))
        if not part.get("more_body"):
            return b"".join(parts) if size <= _LARGEST else None


async def _lifespan(gate: Gate, receive: Receive, send: Send) -> None:
    await receive()
    task = asyncio.create_task(_tidying(gate))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    task.cancel()
    await gate.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _tidying(gate: Gate) -> None:
    while True:
        for _ in range(5):
            await asyncio.sleep(0.2)
            gate.weigh()
        await gate.tidy()


def serve(settings: Settings, host: str, port: int, limits: Limits, keep_days: int) -> None:
    """Serve until the process is told to stop."""
    import uvicorn

    os.umask(0o077)
    gate = Gate(settings, limits, Audit(settings, keep_days))
    uvicorn.run(
        application(gate),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=5,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
    )


def _outcome(gone: Gone) -> str:
    return {TooLong: "too long", TooMuch: "too large"}.get(type(gone), "ended")


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
