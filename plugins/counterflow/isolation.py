"""Reading one export in a process of its own, which the system stops at the contract's limits.

In: a reading and the limits. Out: its parts, each as soon as it is there, and its totals; or `Refused`, or
`ReaderFault`: then what parts there were are void.

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
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from counterflow import collector
from counterflow.contracts.model import Limits
from counterflow.fates import place
from counterflow.ingest import Part, Totals
from counterflow.sources.errors import ReaderFault, Refused
from counterflow.sources.parts import PART

_ROWS = ("rows", "withheld_cases")  # of a part, beside its canonical tables
_TOLD = ("signals", "profile")
_COUNTS = ("rows_read", "rows_blank", "withheld", "grown")
_LENGTH = struct.Struct(">Q")
_CHUNK = 1 << 20
_SLOW = 4  # a process that waits is stopped after so many times its seconds of a processor
_Said = dict[str, Any]  # the head of a message, as JSON
_DEATH_OF_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


class _TooMuchError(Exception):
    """The child says more than it may."""


class Reads(Protocol):
    """What is run: `ingest.Reading`."""

    def parts(self) -> Iterator[Part]:
        """What may be landed."""

    def totals(self) -> Totals:
        """What is told of it all, when the last part was taken."""


def run(reading: Reads, limits: Limits, take: Callable[[Part], object]) -> Totals:
    """The totals of `reading`, run in a process of its own; `take` is given each part. Raises Refused, ReaderFault."""
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
            code = _child(reading, limits, theirs, parent)
        finally:
            os._exit(code)  # nothing of the parent's is closed or written twice
    os.close(theirs)
    said: _Said = {}
    totals, in_time, ended = None, True, 0
    try:
        for said, tables in _messages(ours, limits):
            if "part" in said:
                canonical = {n: t for n, t in tables.items() if n not in _ROWS}
                take(Part(canonical, **{name: tables[name] for name in _ROWS}))
                del canonical
                tables.clear()  # before the next part comes
            elif "totals" in said:
                totals = _totals(said, tables)
    except TimeoutError:
        in_time = False
    except _TooMuchError:
        raise _stopped() from None
    finally:
        os.close(ours)
        ended = _ended(pid)
    if not in_time:
        raise _too_long(limits)
    return _told(said, totals, ended, limits)


def _child(reading: Reads, limits: Limits, pipe: int, parent: int) -> int:
    _LIBC.prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it died in between
        return 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    collector.go_on_in_a_fork()
    _bound(limits)
    with os.fdopen(pipe, "wb", buffering=_CHUNK) as out:
        try:
            for part in reading.parts():
                _send_part(out, part)
                del part  # before the next one is made
            _send_totals(out, reading.totals())
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


def _say(out: Any, header: _Said) -> None:
    text = json.dumps(header).encode()
    out.write(_LENGTH.pack(len(text)) + text)


def _send_part(out: Any, part: Part) -> None:
    tables = part.tables | {name: getattr(part, name) for name in _ROWS}
    _say(out, {"part": list(tables)})
    _send(out, tables)
    out.flush()


def _send_totals(out: Any, totals: Totals) -> None:
    tables = {name: getattr(totals, name) for name in _TOLD}
    again = totals.next_reading
    header = {name: getattr(totals, name) for name in _COUNTS}
    _say(out, header | {"totals": list(tables), "next_reading": again and again.isoformat()})
    _send(out, tables)


def _send(out: Any, tables: Mapping[str, pa.Table]) -> None:
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


def _messages(pipe: int, limits: Limits) -> Iterator[tuple[_Said, dict[str, pa.Table]]]:
    """What the child says, whole messages only, each at most as large as it may be. Raises TimeoutError,
    _TooMuchError.

    A table goes into a place of its own size, where Arrow reads it: a part is held once. There are at most as
    many parts as what may be unpacked has.
    """
    until = time.monotonic() + _SLOW * limits.seconds
    most = 3 + limits.unpacked // PART  # with the totals, and the end
    for _ in range(most):
        left = limits.memory
        header = _item(pipe, left, until)
        if header is None:
            return
        said: _Said = json.loads(bytes(header))
        tables: dict[str, pa.Table] = {}
        for name in said.get("part") or said.get("totals") or ():
            content = _item(pipe, left, until)
            if content is None:
                return
            left -= len(content)
            tables[name] = pa.ipc.open_stream(pa.py_buffer(content)).read_all()
        yield said, tables
    raise _TooMuchError


def _item(pipe: int, most: int, until: float) -> memoryview | None:
    """The next bytes, of which the child says how many; None if they do not come. Raises _TooMuchError."""
    length = _exactly(pipe, _LENGTH.size, until)
    if length is None:
        return None
    size = _LENGTH.unpack(length)[0]
    if size > most:
        raise _TooMuchError
    return _exactly(pipe, size, until)


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


def _totals(said: _Said, tables: Mapping[str, pa.Table]) -> Totals:
    again = said["next_reading"]
    return Totals(
        **{name: tables[name] for name in _TOLD},
        **{name: said[name] for name in _COUNTS},
        next_reading=date.fromisoformat(again) if again else None,
    )


def _told(said: _Said, totals: Totals | None, ended: int, limits: Limits) -> Totals:
    """The totals; or what became of the reading, by the last that it `said` and how it ended."""
    if "refused" in said:
        code, problem, cure = said["refused"]
        raise Refused(code, problem, cure)
    if "fault" in said:
        raise ReaderFault(*said["fault"])
    if ended == -signal.SIGXCPU:
        raise _too_long(limits)
    if ended == -signal.SIGKILL:  # the system was out of memory, or a person: it may go well again
        raise ReaderFault("Killed", "unknown place")
    if ended != 0:
        raise _stopped()
    if totals is None:
        raise ReaderFault("EOFError", "unknown place")
    return totals


def _stopped() -> Refused:
    return Refused(
        "reader_stopped",
        "the reader was stopped by the system while it read the export: the file is crafted or damaged, "
        "or needs more memory than `source.limits.memory`",
        "Ask the mission to export again; raise `source.limits.memory` only if the export is that large",
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
