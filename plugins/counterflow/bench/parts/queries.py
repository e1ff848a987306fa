"""Target 6: every query of the analysts' guide, while nights run in another process.

An analyst keeps a connection: `kept` is that, its first pass over the queries included, which finds nothing in memory.
`cold` opens the file for each query, as a script does. Both are read with every row fetched.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from counterflow.bench.measuring import Run, Series, percentile, say
from counterflow.bench.options import Options
from counterflow.bench.results import Figure, Part
from counterflow.bench.world import NIGHT, World, counterflow
from counterflow.settings import PROJECT
from counterflow.shell import connect

GUIDE = PROJECT / "docs" / "analysts.md"
_SQL = re.compile(r"^```sql\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SLOWEST = 5


def measure(options: Options) -> Part:
    """At the small size."""
    return _measured("queries", options, options.world(0))


def large(options: Options) -> Part:
    """At the large size."""
    return _measured("large-queries", options, options.world(2))


def queries(page: Path) -> list[str]:
    """The queries of a page."""
    return _SQL.findall(page.read_text("utf-8"))


def _measured(name: str, options: Options, world: World) -> Part:
    if not (world.home / "warehouse" / "warehouse.duckdb").exists():
        world.empty()
        world.night()
    asked = queries(GUIDE)
    with nights(world):
        kept = _kept(world, asked, options.repeat)
        cold = _cold(world, asked, options.repeat)
    alone = _kept(world, asked, options.repeat)
    figures = [
        _figure(f"{world.cases:,} cases: {what}", found, len(texts))
        for what, found, texts in (
            ("the guide, kept connection", kept, asked),
            ("the guide, a connection for each query", cold, asked),
            ("the guide, kept connection, no night running", alone, asked),
        )
    ]
    slowest = sorted(zip(*_medians(kept, asked), strict=True), reverse=True)[:_SLOWEST]
    notes = [
        f"Slowest of the guide at {world.cases:,} cases (median of {options.repeat}): "
        + ", ".join(f"{took * 1000:.0f} ms ({_title(text)})" for took, text in slowest)
        + "."
    ]
    values = {
        "kept p95": _p95(kept),
        "cold p95": _p95(cold),
        "beside a night ÷ alone": _p95(kept) / _p95(alone),
    }
    return Part(name, figures, values, ["beside a night ÷ alone"], notes)


@contextlib.contextmanager
def nights(world: World) -> Iterator[None]:
    """While the block runs nights are loaded in the same home, each reading every export anew."""
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            'while "$0" nightly --night "$1" --full-refresh; do :; done',
            counterflow(),
            str(NIGHT),
        ],
        env=world.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        time.sleep(3)  # until it has imported what it needs, and works
        yield
        if process.poll() is not None:
            raise RuntimeError("the night beside the queries failed")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _kept(world: World, texts: Sequence[str], times: int) -> list[list[float]]:
    """Seconds by pass and query, over one connection."""
    with connect(world.settings()) as warehouse:
        passes = [[_ask(warehouse, text) for text in texts] for _ in range(times)]
    say(f"{world.cases:,} cases, kept: p95 {_p95(passes) * 1000:.0f} ms")
    return passes


def _cold(world: World, texts: Sequence[str], times: int) -> list[list[float]]:
    """The same with a connection for each query, whose opening counts."""
    passes = []
    for _ in range(times):
        spent = []
        for text in texts:
            started = time.perf_counter()
            with connect(world.settings()) as warehouse:
                _ask(warehouse, text)
            spent.append(time.perf_counter() - started)
        passes.append(spent)
    say(f"{world.cases:,} cases, cold: p95 {_p95(passes) * 1000:.0f} ms")
    return passes


def _ask(warehouse: Any, text: str) -> float:
    started = time.perf_counter()
    warehouse.execute(text).fetchall()
    return time.perf_counter() - started


def _p95(passes: list[list[float]]) -> float:
    return percentile([one for spent in passes for one in spent], 0.95)


def _medians(passes: list[list[float]], texts: Sequence[str]) -> tuple[list[float], list[str]]:
    return [percentile(found, 0.5) for found in zip(*passes, strict=True)], list(texts)


def _figure(name: str, passes: list[list[float]], count: int) -> Figure:
    """All queries once are a run."""
    runs = [Run(sum(spent)) for spent in passes]
    told = f"{count} queries, p95 {_p95(passes) * 1000:.0f} ms"
    return Figure.of(Series(f"{name}: all, once", told, runs))


def _title(query: str) -> str:
    """Tables that a query asks, to find it by."""
    found = re.findall(r"\b(?:core|analysis|quality|history)\.\w+", query)
    return ", ".join(dict.fromkeys(found))
