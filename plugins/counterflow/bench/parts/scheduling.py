"""Target 1: what Airflow adds to a night, to an unchanged one, and how long its DAG files take to parse.

The same night in one process and through a scheduler that runs already, from the trigger to the end of the run.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from counterflow.bench.measuring import Run, Series, command, cpu, say, watched
from counterflow.bench.options import Options
from counterflow.bench.results import Figure, Part
from counterflow.bench.world import NIGHT, World
from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.settings import PROJECT

# As the DAG processor does: what the files import is there already.
_PARSE = """
import sys, time
import airflow.models, airflow.sdk
from airflow.dag_processing.dagbag import DagBag
started = time.perf_counter()
bag = DagBag(dag_folder=sys.argv[1])
took = time.perf_counter() - started
assert bag.dags and not bag.import_errors, bag.import_errors
print(took)
"""


def measure(options: Options) -> Part:
    """Nights alone and through Airflow in turn, the first round not counted."""
    world = options.world(0)
    alone = Series("A night, one process", "counterflow nightly")
    again = Series("The same night again, unchanged", "counterflow nightly")
    scheduled = Series("A night through Airflow", "DAG nightly, LocalExecutor")
    scheduled_again = Series(
        "The same again through Airflow, unchanged", "DAG nightly, LocalExecutor"
    )

    def in_one_process() -> Run:
        return world.night().run

    with _airflow(world) as run:
        for number in range(options.repeat + 1):
            for first, second, work in (
                (alone, again, in_one_process),
                (scheduled, scheduled_again, run),
            ):
                world.empty()
                for series in (first, second):
                    found = work()
                    say(f"{series.name}: {found.seconds:.1f} s{'' if number else ' (warm-up)'}")
                    if number:
                        series.runs.append(found)
    parse = Series(
        "Parsing all DAG files", "DagBag, Airflow imported", _parsed(world, options.repeat)
    )
    names = (alone, again, scheduled, scheduled_again, parse)
    return Part(
        "airflow",
        [Figure.of(series) for series in names],
        {
            "airflow ÷ one process": scheduled.seconds / alone.seconds,
            "unchanged, one process": again.seconds,
            "unchanged, airflow": scheduled_again.seconds,
            "unchanged ÷ full, one process": again.seconds / alone.seconds,
            "unchanged ÷ full, airflow": scheduled_again.seconds / scheduled.seconds,
            "parse": parse.seconds,
        },
        ["airflow ÷ one process", "unchanged ÷ full, one process", "unchanged ÷ full, airflow"],
        [
            f"{world.cases:,} cases, 72 changed missions. Memory of Airflow's rows is that of its API server, DAG processor, "
            "scheduler and tasks together; CPU is theirs from trigger to end."
        ],
    )


@contextlib.contextmanager
def _airflow(world: World) -> Iterator[Callable[[], Run]]:
    """A local Airflow; yields what triggers the night, waits for its end and says what it took."""
    settings = replace(world.settings(), pages_built=("all",))
    airflow = LocalAirflow(settings, free_port())
    with running(airflow, "api-server", "dag-processor", "scheduler") as processes:
        api = Api(airflow, processes.check)
        api.wait_for_dag(DAG_ID)
        pids = [process.pid for process in processes.running.values()]

        def run() -> Run:
            before, started = cpu(pids), time.perf_counter()
            with watched(pids) as peak:
                run_id = api.trigger(DAG_ID, {"night": str(NIGHT), "missions": []})
                *_, ended = api.follow(DAG_ID, run_id)
                seconds = time.perf_counter() - started
            if ended["state"] != "success":
                raise RuntimeError(f"the run ended as {ended['state']}")
            return Run(seconds, cpu(pids) - before, peak())

        yield run


def _parsed(world: World, times: int) -> list[Run]:
    environment = world.environment() | {"AIRFLOW_HOME": str(world.home / "airflow")}
    runs = []
    for number in range(times + 1):
        done = command([sys.executable, "-c", _PARSE, str(PROJECT / "dags")], environment)
        if number:
            runs.append(Run(float(done.stdout.split()[-1]), done.run.cpu, done.run.memory))
    return runs
