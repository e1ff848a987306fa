"""One module a promise: options in, a `Part` of figures and ratios out.

`PARTS` names them in the order in which they run, the short ones first; `LARGE` those of `make bench-large`, `HUGE` those of its `--huge`.
"""

from __future__ import annotations

from collections.abc import Callable

from counterflow.bench.options import Options
from counterflow.bench.parts import queries, scale, scheduling, starting, throughput
from counterflow.bench.results import Part

Measure = Callable[[Options], Part]

PARTS: dict[str, Measure] = {
    "start": starting.measure,
    "queries": queries.measure,
    "throughput": throughput.measure,
    "scale": scale.measure,
    "airflow": scheduling.measure,
}
LARGE: dict[str, Measure] = {
    "large": scale.large,
    "large-changed": scale.large_changed,
    "large-queries": queries.large,
}
HUGE: dict[str, Measure] = {"huge": scale.huge, "huge-changed": scale.huge_changed}
