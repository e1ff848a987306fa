"""What was measured, as data: `benchmarks.json` of a folder, in earnest `docs/`, read and written one part at a time.

In: the `Part`s of a run. Out: the file that the page and the regression check are made from. A part that
was not measured this time, or failed, leaves what the file says of it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from counterflow.bench.measuring import Series
from counterflow.settings import PROJECT

FILE = "benchmarks.json"
DOCS = PROJECT / "docs"
VERSIONS = ("apache-airflow", "dbt-duckdb", "duckdb", "great-expectations", "pyarrow", "polars")
# Settings of whoever runs the bench that nights are run with, too; the page names them. No other is.
TUNED = ("COUNTERFLOW_WORKERS", "COUNTERFLOW_DUCKDB_MEMORY", "COUNTERFLOW_DUCKDB_THREADS", "COUNTERFLOW_DBT_THREADS")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a table: what, by which command, seconds (median and deviation), CPU seconds, MB, runs."""

    name: str
    command: str
    seconds: float
    deviation: float
    runs: int
    cpu: float = 0.0
    memory: float = 0.0

    @classmethod
    def of(cls, series: Series) -> Figure:
        """The figure of a series."""
        return cls(
            series.name,
            series.command,
            round(series.seconds, 3),
            round(series.deviation, 3),
            len(series.runs),
            round(series.cpu, 2),
            round(series.memory, 1),
        )


@dataclass(slots=True)
class Part:
    """What one part measured.

    `values` is by name what targets ask for; those named in `ratios` are compared with by `make bench-check` (smaller is better). `nights` is
    cases → step → seconds, `models` cases → dbt model → seconds.
    """

    name: str
    figures: list[Figure] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    ratios: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    nights: dict[str, dict[str, float]] = field(default_factory=dict)
    models: dict[str, dict[str, float]] = field(default_factory=dict)
    machine: str = ""


def machine() -> str:
    """The machine and the versions that figures are of."""
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    told = [f"{name}={os.environ[name]}" for name in TUNED if name in os.environ]
    return (
        f"{cores} cores, {total:.0f} GB, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}; {', '.join(found + told)}"
    )


def load(folder: Path = DOCS) -> dict[str, Part]:
    """The parts that were recorded, by name; none if there is no file."""
    path = folder / FILE
    if not path.exists():
        return {}
    return {name: _part(name, held) for name, held in json.loads(path.read_text("utf-8")).items()}


def record(part: Part, folder: Path = DOCS) -> None:
    """Put a part in the place of what the file says of it."""
    path = folder / FILE
    part.machine = part.machine or machine()
    parts = load(folder) | {part.name: part}
    text = json.dumps({name: _data(found) for name, found in sorted(parts.items())}, indent=1)
    aside = path.with_suffix(".part")
    aside.write_text(text + "\n", "utf-8")
    aside.replace(path)


def merged(parts: Iterable[Part]) -> dict[str, float]:
    """The values of all parts together."""
    return {name: value for part in parts for name, value in part.values.items()}


def _data(part: Part) -> dict[str, Any]:
    held = asdict(part)
    del held["name"]
    held["values"] = {name: round(value, 4) for name, value in part.values.items()}
    return held


def _part(name: str, held: dict[str, Any]) -> Part:
    figures = [Figure(**figure) for figure in held.pop("figures")]
    return Part(name, figures, **held)
