"""`make bench`: the speed of a night, measured in one run, written into docs/benchmarks.md.

In: a temporary home. Out: medians of repeated runs and the ratios that are promised, with the
command and the machine. Whole commands are timed, as a user would wait for them. Nothing here is a
test: figures of another machine or another hour differ, ratios less so.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.settings import PROJECT, Settings
from counterflow.shell import connect

NIGHT = "2010-11-25"
PAGE = PROJECT / "docs" / "benchmarks.md"
GUIDE = PROJECT / "docs" / "analysts.md"
PRODUCED = ("landing", "build", "warehouse")
VERSIONS = ("apache-airflow", "dbt-duckdb", "duckdb", "great-expectations", "pyarrow")


@dataclass(slots=True)
class Figure:
    """One thing that was timed, several times; `target` is the most seconds it may take."""

    name: str
    command: str
    target: float | None = None
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median seconds."""
        return statistics.median(self.seconds)

    def row(self) -> str:
        """A row of the page's table."""
        spread = statistics.stdev(self.seconds) if len(self.seconds) > 1 else 0.0
        verdict = (
            "" if self.target is None else ("pass" if self.median <= self.target else "falls short")
        )
        target = "" if self.target is None else f"≤ {self.target:g} s"
        return (
            f"| {self.name} | `{self.command}` | {self.median:.1f} s | {spread:.1f} | "
            f"{len(self.seconds)} | {target} | {verdict} |"
        )


def main() -> int:
    """Measure and write the page; 0 even if a target is missed: the page says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cases", type=int, default=16_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        home = Path(folder)
        settings = replace(
            Settings.from_env(), home=home, exports=home / "exports", connections="none"
        )
        figures = measure(settings, options.repeat, options.cases)
    # What other targets wrote below their own headings stays.
    _, mark, below = PAGE.read_text("utf-8").partition("\n## ")
    page = written(figures, options.cases) + mark + below
    PAGE.write_text(page, "utf-8")
    print(page)
    return 0


def measure(settings: Settings, repeat: int, cases: int) -> list[Figure]:
    """Every figure of the page. The first run of each is a warm-up and does not count."""
    made = Figure("Synthetic exports", f"counterflow generate --cases {cases}", 20)
    alone = Figure("A first night, one process", f"counterflow nightly --night {NIGHT}")
    alone_again = Figure(
        "The same night again: unchanged", f"counterflow nightly --night {NIGHT}", 45
    )
    airflow_night = Figure("A first night through Airflow", "DAG nightly, LocalExecutor")
    airflow_again = Figure(
        "The same night again through Airflow: unchanged", "DAG nightly, LocalExecutor", 45
    )
    helped = Figure("Help", "counterflow --help", 0.3)
    status = Figure("Status", "counterflow status", 1.0)
    question = Figure("The slowest query of the analysts' guide", "docs/analysts.md", 1.0)

    def command(*arguments: str) -> Callable[[], None]:
        return lambda: _command(settings, *arguments)

    _repeat(made, repeat, command("generate", "--out", str(settings.home), "--cases", str(cases)))
    night = command("nightly", "--night", NIGHT)
    for number in range(repeat + 1):
        _wipe(settings)
        _time(alone, night, count=number > 0)
        _time(alone_again, night, count=number > 0)
    _repeat(helped, max(repeat, 5), command("--help"))
    _repeat(status, max(repeat, 5), command("status"))
    _slowest(question, settings, max(repeat, 5))
    with _airflow(settings) as run:
        for number in range(repeat + 1):
            _wipe(settings)
            _time(airflow_night, run, count=number > 0)
            _time(airflow_again, run, count=number > 0)
    return [made, alone, alone_again, airflow_night, airflow_again, helped, status, question]


@contextlib.contextmanager
def _airflow(settings: Settings) -> Iterator[Callable[[], None]]:
    """A local Airflow; yields what triggers the night and waits for its end."""
    airflow = LocalAirflow(settings, free_port())
    with running(airflow, "api-server", "dag-processor", "scheduler") as processes:
        api = Api(airflow, processes.check)
        api.wait_for_dag(DAG_ID)

        def run() -> None:
            run_id = api.trigger(DAG_ID, {"night": NIGHT, "missions": []})
            *_, ended = api.follow(DAG_ID, run_id)
            if ended["state"] != "success":
                raise RuntimeError(f"the run ended as {ended['state']}")

        yield run


def _command(settings: Settings, *arguments: str) -> None:
    environment = dict(os.environ)
    environment |= {
        "COUNTERFLOW_HOME": str(settings.home),
        "COUNTERFLOW_EXPORTS": str(settings.exports),
    }
    subprocess.run(
        [str(Path(sys.executable).with_name("counterflow")), *arguments],
        env=environment,
        check=True,
        capture_output=True,
    )


def _slowest(figure: Figure, settings: Settings, times: int) -> None:
    """The seconds of the slowest query of the guide, in each of several passes over all."""
    queries = re.findall(r"^```sql\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for number in range(times + 1):
        spent = []
        for query in queries:
            with connect(settings) as warehouse:
                started = time.perf_counter()
                warehouse.execute(query).fetchall()
                spent.append(time.perf_counter() - started)
        if number:
            figure.seconds.append(max(spent))
    print(f"{figure.name}: {figure.median:.2f} s of {len(queries)}", file=sys.stderr)


def _wipe(settings: Settings) -> None:
    for name in PRODUCED:
        shutil.rmtree(settings.home / name, ignore_errors=True)


def _time(figure: Figure, work: Callable[[], None], *, count: bool) -> None:
    started = time.perf_counter()
    work()
    if count:
        figure.seconds.append(time.perf_counter() - started)
    print(f"{figure.name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)


def _repeat(figure: Figure, times: int, work: Callable[[], None]) -> None:
    for number in range(times + 1):
        _time(figure, work, count=number > 0)


def written(figures: list[Figure], cases: int) -> str:
    """The page."""
    by_name = {figure.name: figure for figure in figures}
    alone = by_name["A first night, one process"].median
    scheduled = by_name["A first night through Airflow"].median
    ratio = scheduled / alone
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    cores = len(os.sched_getaffinity(0))
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit. Whole commands, wall clock, a warm-up run that does not",
        f"count; {cases:,} cases of 72 missions, seed 7. All figures are of one run on one machine.",
        "",
        f"Machine: {cores} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}; {versions}.",
        "",
        "| what | command | median | standard deviation | runs | target | |",
        "|---|---|---|---|---|---|---|",
        *(figure.row() for figure in figures),
        "",
        "| ratio | figure | target | |",
        "|---|---|---|---|",
        f"| a first night through Airflow ÷ in one process | {ratio:.2f} | ≤ 2 | "
        f"{'pass' if ratio <= 2 else 'falls short'} |",
        "",
        "Through Airflow, 72 ingest tasks are queued, started and reported one by one; in one process they",
        "share its imports. What each setting of the scheduler is worth stands beside it in",
        "`plugins/counterflow/orchestration/config.py`.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
