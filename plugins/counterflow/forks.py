"""Work shared out among processes that are forked from this one.

In: jobs. Out: what each returned or raised, or `Died` for a job whose process ended under it; the others are done
all the same. What this process has loaded and knows, its children have without a copy; what a job returns comes
back pickled, so it holds no key. Unlike `multiprocessing`'s, these processes may be children of a daemon (a task
of Airflow is one), and they die with their parent.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from counterflow import collector
from counterflow.fates import fault

T = TypeVar("T")
_LENGTH = struct.Struct(">Q")
_NUMBER = struct.Struct(">I")
_CHUNK = 1 << 20
_DEATH_OF_PARENT = 1  # prctl's PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None, use_errno=True)


class Died(Exception):
    """The process of a job ended before the job did: it was killed, or the job broke the interpreter."""


def spread(
    jobs: Sequence[Callable[[], T]], workers: int, meanwhile: Callable[[], object] | None = None
) -> Iterator[tuple[int, T | BaseException]]:
    """The place of each job and what it returned or raised, as they end; begun in their order.

    `meanwhile` is done here, beside them. With fewer than two workers and nothing to do meanwhile no process is forked.
    """
    if meanwhile is None and workers < 2:
        for place, job in enumerate(jobs):
            yield place, _tried(job)
        return
    left = list(range(len(jobs)))
    while left:
        ended = []
        for place, found in _round(jobs, left, workers, meanwhile):
            ended.append(place)
            yield place, found
        if not ended:  # they die before they begin
            yield from ((place, Died("no process could begin this job")) for place in left)
            return
        left = sorted(set(left) - set(ended))  # those that no process was left for
        meanwhile = None


def _round(
    jobs: Sequence[Callable[[], T]],
    places: Sequence[int],
    workers: int,
    meanwhile: Callable[[], object] | None,
) -> Iterator[tuple[int, T | BaseException]]:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    told, tell = (
        os.pipe()
    )  # the places, for whoever takes the next; what fits into a pipe is never torn
    some = places[: select.PIPE_BUF // _NUMBER.size]
    os.write(tell, b"".join(map(_NUMBER.pack, some)))
    os.close(tell)
    children: dict[int, _Child] = {}
    try:
        for _ in range(min(max(workers, 1), len(some))):
            child = _Child(jobs, told, children)
            children[child.pipe] = child
        if meanwhile is not None:
            meanwhile()
        while children:
            ready, _, _ = select.select(list(children), [], [])
            for pipe in ready:
                yield from children[pipe].said()
                if children[pipe].has_ended:
                    yield from children.pop(pipe).last()
    finally:
        os.close(told)
        for child in children.values():  # nobody waits for the rest
            child.stop()


class _Child:
    """One process, seen from its parent."""

    def __init__(
        self, jobs: Sequence[Callable[[], Any]], told: int, others: dict[int, _Child]
    ) -> None:
        parent = os.getpid()
        self.pipe, theirs = os.pipe()
        self.has_ended = False
        self._at: int | None = None
        self._heard = bytearray()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                for pipe in (self.pipe, *others):
                    os.close(pipe)
                _work(jobs, told, theirs, parent)
            finally:
                os._exit(0)  # nothing of the parent's is closed or written twice
        os.close(theirs)

    def said(self) -> Iterator[tuple[int, Any]]:
        """What has come of its jobs since."""
        chunk = os.read(self.pipe, _CHUNK)
        self.has_ended = not chunk
        self._heard += chunk
        while (message := self._message()) is not None:
            place, found = message
            if found is None:
                self._at = place
            else:
                self._at = None
                yield place, found[0]

    def last(self) -> Iterator[tuple[int, Died]]:
        """What is to be said of a process that has ended."""
        self.stop(kill=False)
        if self._at is not None:
            yield self._at, Died("the process of this job ended before the job did")

    def stop(self, kill: bool = True) -> None:
        """Wait for its end, which `kill` brings about."""
        if kill:
            os.kill(self._pid, signal.SIGKILL)
        os.close(self.pipe)
        os.waitpid(self._pid, 0)

    def _message(self) -> tuple[int, Any] | None:
        if len(self._heard) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._heard)[0]
        if len(self._heard) < end:
            return None
        message: tuple[int, Any] = pickle.loads(bytes(self._heard[_LENGTH.size : end]))  # noqa: S301 - our own child's
        del self._heard[:end]
        return message


def _work(jobs: Sequence[Callable[[], Any]], told: int, pipe: int, parent: int) -> None:
    _LIBC.prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it died in between
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    collector.go_on_in_a_fork()
    with os.fdopen(pipe, "wb", buffering=_CHUNK) as out:
        while number_ := os.read(told, _NUMBER.size):
            place = _NUMBER.unpack(number_)[0]
            _say(out, (place, None))
            _say(out, (place, (_carried(_tried(jobs[place])),)))


def _tried(job: Callable[[], T]) -> T | BaseException:
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - whoever asked decides what it means
        return error


def _carried(found: Any) -> Any:
    """What was found, as it can go through a pipe: not every exception is made from its text alone."""
    if not isinstance(found, Exception):
        return found
    try:
        return pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - of whatever class
        return RuntimeError(fault(found))


def _say(out: Any, message: tuple[int, Any]) -> None:
    text = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    out.write(_LENGTH.pack(len(text)) + text)
    out.flush()
