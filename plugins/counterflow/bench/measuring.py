"""What a piece of work takes: seconds of the wall, seconds of processors, and memory at its peak.

In: a command, or work done by processes that run already. Out: a `Run`; several of them are a `Series`.

Memory is that of all processes of the work at one moment, the sum of their proportional set sizes
(PSS): a page that forked processes share counts once. The largest resident size of any one child, which the
system keeps, would miss that two readers run at once; a control group needs rights that a bench has not.
It is looked at a few times a second, and never for more than a twentieth of the time, so that a short
peak can be missed and looking slows nothing down. CPU seconds are the system's own account.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

EVERY = 0.1  # seconds between two looks at memory, at least
SHARE = 20  # a look that took t is followed by a pause of so many times t


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds of the wall, CPU seconds of all its processes, MB at its peak."""

    seconds: float
    cpu: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended well: when it began (seconds since 1970), what it took, what it printed."""

    began: float
    run: Run
    stdout: str
    stderr: str


@dataclass(slots=True)
class Series:
    """Repeated runs of one thing; the figure that is reported is the median."""

    name: str
    command: str
    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median seconds of the wall."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def deviation(self) -> float:
        """Standard deviation of the seconds of the wall; 0 of one run."""
        took = [run.seconds for run in self.runs]
        return statistics.stdev(took) if len(took) > 1 else 0.0

    @property
    def cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def memory(self) -> float:
        """The most MB of any run."""
        return max(run.memory for run in self.runs)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that so large a share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def alternate(
    works: Mapping[str, Callable[[], Run]], repeat: int, warm_up: int = 1
) -> dict[str, list[Run]]:
    """Runs of each work, one after the other in turn, so that what the machine does meanwhile meets all of them.

    Every second round goes backwards. Runs of a warm-up do not count.
    """
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for number in range(warm_up + repeat):
        names = list(works) if number % 2 == 0 else list(works)[::-1]
        for name in names:
            run = works[name]()
            say(f"{name}: {run.seconds:.1f} s{'' if number >= warm_up else ' (warm-up)'}")
            if number >= warm_up:
                runs[name].append(run)
    return runs


def command(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, check: bool = True
) -> Done:
    """Run a command to its end. Raises CalledProcessError with what it said last, unless `check` is off."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began, started = time.time(), time.perf_counter()
        process = subprocess.Popen(
            list(arguments),
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        with watched([process.pid]) as peak:
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        said = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if check and process.returncode:
        failed = subprocess.CalledProcessError(process.returncode, list(arguments), *said)
        failed.add_note(said[1][-2000:])
        raise failed
    return Done(began, Run(seconds, used.ru_utime + used.ru_stime, peak()), *said)


@contextlib.contextmanager
def watched(pids: Sequence[int]) -> Iterator[Callable[[], float]]:
    """Watch these processes and all that they start; the function says the most MB seen so far."""
    most = [0.0]
    over = threading.Event()

    def watch() -> None:
        while True:
            started = time.perf_counter()
            most[0] = max(most[0], memory(pids))
            if over.wait(max(EVERY, SHARE * (time.perf_counter() - started))):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        thread.join()


def memory(pids: Sequence[int]) -> float:
    """MB that these processes and all below them hold now (PSS)."""
    total = 0
    for process in _tree(pids):
        with contextlib.suppress(psutil.Error, OSError):
            total += process.memory_full_info().pss
    return total / 1e6


def cpu(pids: Sequence[int]) -> float:
    """CPU seconds of these processes so far, and of all that they started, whether it has ended or not."""
    total = 0.0
    for process in _tree(pids):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # of itself and of the children it has buried
    return total


def _tree(pids: Sequence[int]) -> Iterator[Any]:
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


def say(text: str) -> None:
    """A line of progress, with the time of the day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
