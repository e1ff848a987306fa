"""A step in a process of its own, killed with SIGKILL at a point that was chosen before.

In: what to do, and a point. Out: whether it was killed there, and what it said. The process is a fork of one that has
imported everything and parsed the dbt project, as a task's is in the real installation, and leads its own
group: the whole group is killed, with whatever it started.

A point is in a stage (a function of the program while it runs) and either before its n-th change of a file system,
as Python's audit hooks tell it, or after a part of the time that the stage is known to take. What DuckDB writes
by itself tells no hook: there only time hits.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

_CHANGES = {
    "os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod", "os.utime",
    "os.truncate", "shutil.rmtree", "shutil.copyfile", "shutil.copytree", "shutil.move",
}  # fmt: skip
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Point:
    """Where to kill: in the `call`-th call of a stage, before its `event`-th change or after `seconds`."""

    stage: str
    call: int = 1
    event: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        where = f"change {self.event}" if self.event else f"{self.seconds:.3f} s"
        return f"{self.stage} #{self.call}, {where}"


@dataclass(frozen=True)
class Call:
    """One call of a stage that nobody killed: how many changes it made and how long it took."""

    stage: str
    events: int
    seconds: float


@dataclass
class Ended:
    """What became of a process."""

    killed: bool
    result: Any = None
    error: str = ""
    calls: list[Call] = field(default_factory=list)
    output: str = ""


Stages = dict[str, tuple[object, str]]  # name → the function whose calls it is


def stages() -> Stages:
    """The steps of a night, in their order, by the functions of the program that they are."""
    from counterflow import isolation, nightly
    from counterflow.growing import LandedFiles
    from counterflow.landing import Landing
    from counterflow.sources import FolderTransport

    return {
        "plan": (nightly, "plan"),
        "ingest": (nightly, "ingest"),
        "fetch": (FolderTransport, "fetch"),
        "read": (isolation, "run"),  # in a process of its own, which dies with who asked for it
        "write": (LandedFiles, "end"),
        "land": (Landing, "take"),
        "validate": (nightly, "validate"),
        "build": (nightly, "transform"),
        "gates": (nightly, "gates"),
        "publish": (nightly, "publish"),
    }


def preload() -> None:
    """Import what every step needs and parse the dbt project, once, before anything is forked."""
    import importlib

    import airflow_local_settings

    for name in (*airflow_local_settings.PRELOADED, "counterflow.local", "counterflow.purging"):
        importlib.import_module(name)
    for name in ("rotation", "retention", "erasure", "release.building", "release.deciding"):
        importlib.import_module(f"counterflow.{name}")


def parse(settings: Any) -> None:
    """Parse the dbt project in this process; its children build with what it found."""
    from counterflow.warehouse import build

    with build._ready(settings, date(2010, 11, 25)):
        assert build._parsed(settings) is not None


@dataclass(frozen=True)
class Started:
    """A child that is at work."""

    pid: int
    told: int
    point: Point | None
    log: Path | None


def run(
    action: Callable[[], Any],
    point: Point | None = None,
    stage: str | None = None,
    log: Path | None = None,
) -> Ended:
    """Do something in a child; kill it at `point`. Its result must be JSON. `stage`: the whole action is one."""
    return end(start(action, point, stage, log))


def at_once(*actions: Callable[[], Any]) -> list[Ended]:
    """Do things in children that run at the same time."""
    return [end(one) for one in [start(action) for action in actions]]


def start(
    action: Callable[[], Any],
    point: Point | None = None,
    stage: str | None = None,
    log: Path | None = None,
) -> Started:
    """Begin to do something in a child."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _child(action, point, stage, tell, log)
    os.close(tell)
    return Started(pid, told, point, log)


def end(one: Started) -> Ended:
    """Wait for a child, and kill it when it comes to its point."""
    try:
        said = _listen(one.told, one.pid, one.point)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        raise
    finally:
        os.close(one.told)
        _, status = os.waitpid(one.pid, 0)
    with suppress(ProcessLookupError):
        os.killpg(one.pid, signal.SIGKILL)  # whom it had started, and left behind
    output = one.log.read_text("utf-8", "replace") if one.log and one.log.exists() else ""
    if os.WIFSIGNALED(status):
        return Ended(True, output=output)
    if not said:
        return Ended(False, error=f"ended with {status} and said nothing", output=output)
    last = json.loads(said[-1])
    calls = [Call(*call) for call in last["calls"]]
    return Ended(False, last["result"], last["error"], calls, output)


def _listen(told: int, pid: int, point: Point | None) -> list[str]:
    """What the child says, line by line; kill it when the time of its stage has come."""
    text, due = b"", None
    while True:
        left = None if due is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([told], [], [], left)
        if not ready:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            due = None
            continue
        piece = os.read(told, 1 << 16)
        if not piece:
            break
        text += piece
        if point is not None and point.seconds is not None and b"entered\n" in text and due is None:
            due = time.monotonic() + point.seconds
        if b"left\n" in text:
            point, due = None, None
    return [line for line in text.decode().splitlines() if line.startswith("{")]


def _child(
    action: Callable[[], Any], point: Point | None, stage: str | None, tell: int, log: Path | None
) -> None:
    """Never returns."""
    os.setsid()
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    calls: list[Call] = []
    result, error = None, ""
    try:
        wrapped = watch(point, calls, tell)
        result = (wrapped(stage, action) if stage else action)()
    except BaseException as failed:  # noqa: BLE001 - it is told to the parent
        error = f"{type(failed).__name__}: {failed}"
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    said = {
        "result": result,
        "error": error,
        "calls": [(c.stage, c.events, c.seconds) for c in calls],
    }
    os.write(tell, json.dumps(said, default=str).encode() + b"\n")
    os._exit(0)


def watch(
    point: Point | None, calls: list[Call], tell: int
) -> Callable[[str, Callable[..., Any]], Callable[..., Any]]:
    """Count the changes of every stage, and die at `point`. Only in a child: a hook stays.

    What makes a stage of a function.
    """
    open_calls: list[list[Any]] = []  # [stage, number of its call, changes so far], innermost last
    seen: dict[str, int] = {}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not open_calls or not _is_change(event, arguments, open_calls[-1][0]):
            return
        for one in open_calls:
            one[2] += 1
            if point is not None and (one[0], one[1], one[2]) == (
                point.stage,
                point.call,
                point.event,
            ):
                os.killpg(0, signal.SIGKILL)

    def wrapped(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def one(*arguments: Any, **named: Any) -> Any:
            seen[stage] = seen.get(stage, 0) + 1
            mine = [stage, seen[stage], 0]
            here = point is not None and (stage, seen[stage]) == (point.stage, point.call)
            started = time.monotonic()
            open_calls.append(mine)
            if here:
                os.write(tell, b"entered\n")
            try:
                return call(*arguments, **named)
            finally:
                if here:
                    os.write(tell, b"left\n")
                open_calls.remove(mine)
                calls.append(Call(stage, mine[2], time.monotonic() - started))

        return one

    for stage, (owner, name) in stages().items():
        setattr(owner, name, wrapped(stage, getattr(owner, name)))
    sys.addaudithook(hook)
    return wrapped


def _is_change(event: str, arguments: tuple[Any, ...], stage: str) -> bool:
    if event == "open":
        _, mode, flags = arguments
        if stage == "fetch":
            return True  # it changes nothing: every file that it opens is a point
        return bool(flags & _FOR_WRITING) or (
            isinstance(mode, str) and not {"w", "a", "x", "+"}.isdisjoint(mode)
        )
    return event in _CHANGES
