"""Target 7: how long a person waits for `counterflow --help` and for `counterflow status`."""

from __future__ import annotations

import sys

from counterflow.bench.measuring import Run, Series, alternate, command
from counterflow.bench.options import Options
from counterflow.bench.results import Figure, Part
from counterflow.bench.world import counterflow


def measure(options: Options) -> Part:
    """Both commands, beside an interpreter that does nothing."""
    world = options.world(0)
    if not (world.home / "warehouse").exists():
        world.empty()
        world.night()

    def status_of() -> Run:
        # A world is kept for days, and of a publication that old `status` says so and exits with 1.
        return command([counterflow(), "status"], world.environment(), check=False).run

    def nothing() -> Run:
        return command([sys.executable, "-c", "pass"], world.environment()).run

    works = {
        "Help": lambda: world.run("--help").run,
        "Status": status_of,
        "Python that does nothing": nothing,
    }
    commands = ("counterflow --help", "counterflow status", "python -c pass")
    runs = alternate(works, max(options.repeat, 5) if options.repeat > 1 else 1)
    series = [Series(n, c, runs[n]) for n, c in zip(works, commands, strict=True)]
    helped, status, idle = series
    return Part(
        "start",
        [Figure.of(one) for one in series],
        {
            "help": helped.seconds,
            "status": status.seconds,
            "help ÷ python": helped.seconds / idle.seconds,
            "status ÷ python": status.seconds / idle.seconds,
        },
        ["help ÷ python", "status ÷ python"],
        [f"`status` is of a home with {world.cases:,} published cases."],
    )
