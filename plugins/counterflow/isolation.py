"""Reading one export in a process of its own, which the system stops at the contract's limits.

In: a job that returns `Landed`, and the limits. Out: what it returned, or `Refused`, or `ReaderFault`.

A reader outside Python that panics, a bomb, a crafted file that takes over the reader: none of them
reaches the task, its other missions or its keys to come. The process is forked (nothing is imported
anew), what it read comes back over a pipe as Arrow and JSON, which are data and run nothing, and it
dies with its parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow.contracts.model import Limits
from counterflow.fates import place
from counterflow.ingest import Landed
from counterflow.sources.errors import ReaderFault, Refused

_PARTS = ("rows", "signals", "profile", "withheld_cases")
_COUNTS = ("rows_read", "rows_blank", "withheld", "grown")
_LENGTH = struct.Struct(">Q")
_CHUNK = 1 << 20
_SLOW = 4  # a process that waits is stopped after so many times its seconds of a processor
_DEATH_OF_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


def run(job: Callable[[], Landed], limits: Limits) -> Landed:
    """The result of `job`, run in a process of its own. Raises Refused, ReaderFault."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    parent = os.getpid()
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(ours)
            code = _child(job, limits, theirs, parent)
        finally:
            os._exit(code)  # nothing of the parent's is closed or written twice
    os.close(theirs)
    try:
        parts, in_time = _received(ours, limits)
    finally:
        os.close(ours)
        ended = _ended(pid)
    if not in_time:
        raise _too_long(limits)
    return _told(parts, ended, limits)


def _child(job: Callable[[], Landed], limits: Limits, pipe: int, parent: int) -> int:
    _LIBC.prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it died in between
        return 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    _bound(limits)
    with os.fdopen(pipe, "wb", buffering=_CHUNK) as out:
        try:
            landed = job()
            _send(out, landed)
        except Refused as error:
            _say(out, {"refused": [error.code, error.problem, error.cure]})
        except MemoryError:
            error_ = _too_much_memory()
            _say(out, {"refused": [error_.code, error_.problem, error_.cure]})
        except BaseException as error:  # noqa: BLE001 - its text may hold personal data
            _say(out, {"fault": [type(error).__name__, place(error)]})
    return 0


def _bound(limits: Limits) -> None:
    """Memory beyond what the parent had, and seconds of a processor; no core is dumped."""
    used = int(Path("/proc/self/statm").read_text("ascii").split()[5]) * resource.getpagesize()
    for kind, wanted in (
        (resource.RLIMIT_DATA, used + limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        lowest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # at the hard limit of a processor the system kills without saying why
        later = 5 if kind == resource.RLIMIT_CPU and lowest == wanted else 0
        resource.setrlimit(kind, (lowest, lowest + later))


def _say(out: Any, header: dict[str, Any]) -> None:
    text = json.dumps(header).encode()
    out.write(_LENGTH.pack(len(text)) + text)


def _send(out: Any, landed: Landed) -> None:
    tables = {**{f"tables.{n}": t for n, t in landed.tables.items()}}
    tables |= {part: getattr(landed, part) for part in _PARTS}
    again = landed.next_reading
    header: dict[str, Any] = {name: getattr(landed, name) for name in _COUNTS}
    header |= {"landed": list(tables), "next_reading": again and again.isoformat()}
    _say(out, header)
    for table in tables.values():
        sink = (
            pa.MockOutputStream()
        )  # counts only: a second copy would be the most that is ever held
        _write(table, sink)
        out.write(_LENGTH.pack(sink.size()))
        _write(table, out)


def _write(table: pa.Table, sink: Any) -> None:
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _received(pipe: int, limits: Limits) -> tuple[list[memoryview], bool]:
    """The parts that the child says, whole ones, at most as much as it may use; and whether it was in time.

    Each goes into a place of its own size, where Arrow reads it: an export is held once.
    """
    parts: list[memoryview] = []
    left, until = limits.memory, time.monotonic() + _SLOW * limits.seconds
    try:
        while (length := _exactly(pipe, _LENGTH.size, until)) is not None:
            size = _LENGTH.unpack(length)[0]
            left -= size
            if left < 0 or (part := _exactly(pipe, size, until)) is None:
                break
            parts.append(part)
    except TimeoutError:
        return [], False
    return (parts if left >= 0 else []), True


def _exactly(pipe: int, size: int, until: float) -> memoryview | None:
    """So many bytes; None if the pipe ends before. Raises TimeoutError at `until`."""
    found = memoryview(bytearray(size))
    at = 0
    while at < size:
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        count = os.readv(pipe, [found[at : at + _CHUNK]])
        if not count:
            return None
        at += count
    return found


def _ended(pid: int) -> int:
    """How the child ended: its exit code, or minus a signal. One that goes on is stopped."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if done == 0:
        for _ in range(100):  # it has closed its end of the pipe: it is about to end
            time.sleep(0.001)
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
        else:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _told(parts: list[memoryview], ended: int, limits: Limits) -> Landed:
    said = json.loads(bytes(parts[0])) if parts else {}
    if "refused" in said:
        code, problem, cure = said["refused"]
        raise Refused(code, problem, cure)
    if "fault" in said:
        raise ReaderFault(*said["fault"])
    if ended == -signal.SIGXCPU:
        raise _too_long(limits)
    if ended == -signal.SIGKILL:  # the system was out of memory, or a person: it may go well again
        raise ReaderFault("Killed", "unknown place")
    if ended != 0 or "landed" not in said:
        raise Refused(
            "reader_stopped",
            "the reader was stopped by the system while it read the export: the file is crafted or damaged, "
            "or needs more memory than `source.limits.memory`",
            "Ask the mission to export again; raise `source.limits.memory` only if the export is that large",
        )
    if len(parts) <= len(said["landed"]):
        raise ReaderFault("EOFError", "unknown place")
    tables = {
        name: pa.ipc.open_stream(pa.py_buffer(content)).read_all()
        for name, content in zip(said["landed"], parts[1:], strict=False)
    }
    again = said["next_reading"]
    return Landed(
        {n.removeprefix("tables."): t for n, t in tables.items() if n.startswith("tables.")},
        **{part: tables[part] for part in _PARTS},
        **{name: said[name] for name in _COUNTS},
        next_reading=date.fromisoformat(again) if again else None,
    )


def _too_much_memory() -> Refused:
    return Refused(
        "too_much_memory",
        "reading the export needs more memory than `source.limits.memory`",
        "Ask the mission what it packed; raise `source.limits.memory` only if it is right",
    )


def _too_long(limits: Limits) -> Refused:
    return Refused(
        "too_long",
        f"reading the export takes more than {limits.seconds} seconds of a processor",
        "Ask the mission what it packed; raise `source.limits.seconds` only if it is right",
    )
