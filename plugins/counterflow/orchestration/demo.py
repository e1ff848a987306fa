"""`make demo`: an empty home in; a night through a real Airflow, and answers from its warehouse, out.

Run as `python -m counterflow.orchestration.demo`. Airflow starts while the exports are being made, and
is stopped, with everything it started, before the answers are read.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from counterflow.orchestration.api import Api, ApiError
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import (
    AirflowNotRunning,
    ended_by_signals,
    running,
)
from counterflow.settings import Settings

STEPS = ("plan", "ingest", "validate", "transform", "gates", "publish", "pages", "tell", "report")
DEMO_COMPONENTS = ("api-server", "dag-processor", "scheduler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, run, ask; 0 if the night was published."""
    options = _options(arguments)
    # Synthetic exports, whatever connections this machine knows.
    settings = replace(Settings.from_env(), connections="none")
    console = Console()
    began = time.monotonic()
    airflow = LocalAirflow(settings, free_port())
    try:
        # Airflow needs some 15 s to be ready, and the exports as long to be made: both at once.
        with (
            ended_by_signals(),
            _exports(options, settings) as made,
            running(airflow, *DEMO_COMPONENTS) as processes,
        ):
            api = Api(airflow, processes.check)
            api.wait_for_dag(DAG_ID)
            made()
            state = run_night(api, options.night, options.mission, console)
    except (AirflowNotRunning, ApiError) as problem:
        console.print(f"demo: {problem}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("demo: stopped, and Airflow with it")
        return 130
    if state != "success":
        console.print(
            f"demo: the run ended as {state}; the logs are in {airflow.home / 'logs'}", style="red"
        )
        return 1
    _after(settings, options.night, console, time.monotonic() - began)
    return 0


def run_night(api: Api, night: str, missions: Sequence[str], console: Console) -> str:
    """Trigger the DAG and show it, step by step and mission by mission; the state it ended in."""
    run_id = api.trigger(DAG_ID, {"night": night, "missions": list(missions)})
    started = time.monotonic()
    state = "unknown"
    with _progress(console) as progress:
        bars = {step: progress.add_task(step, total=None, last="") for step in STEPS}
        done = dict.fromkeys(STEPS, 0)
        for change in api.follow(DAG_ID, run_id):
            if "task_id" not in change:
                state = str(change["state"])
                break
            step = change["task_id"]
            if step == "ingest" and change["map_index"] >= 0:
                total = max(progress.tasks[bars[step]].total or 0, change["map_index"] + 1)
                progress.update(bars[step], total=total)
            else:
                progress.update(bars[step], total=1)
            if change["state"] in ("success", "failed", "skipped", "upstream_failed"):
                done[step] += 1
                label = change["rendered_map_index"] or ""
                progress.update(bars[step], completed=done[step], last=_label(label, change))
                if not console.is_terminal or change["state"] == "failed":
                    progress.console.print(_line(step, label, change), markup=False)
                if change["state"] == "failed":
                    reason = api.reason(DAG_ID, run_id, change)
                    progress.console.print(f"  {reason}", style="red", markup=False)
    console.print(
        f"Airflow ran the night of {night} in {time.monotonic() - started:.1f} s: {state}"
    )
    return state


def _label(label: str, change: dict[str, Any]) -> str:
    return label if change["state"] == "success" else f"{label} {change['state']}"


def _line(step: str, label: str, change: dict[str, Any]) -> str:
    return f"{step:<10} {label:<12} {change['state']:<16} {change['duration'] or 0:.1f} s"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def _exports(options: argparse.Namespace, settings: Settings) -> Iterator[Callable[[], None]]:
    """Start making the synthetic exports, by the command anybody would use; yields how to wait for them."""
    if options.no_generate:
        yield lambda: None
        return
    command = [sys.executable, "-m", "counterflow.cli", "generate", "--out", str(settings.home)]
    command += ["--missions", str(options.missions), "--cases", str(options.cases)]
    command += ["--seed", str(options.seed), "--first-night", options.night]
    with subprocess.Popen(command) as making:

        def wait() -> None:
            if making.wait():
                raise AirflowNotRunning("the exports could not be made")

        try:
            yield wait
        finally:
            making.terminate()  # does nothing to one that has ended


def _after(settings: Settings, night: str, console: Console, seconds: float) -> None:
    """The table of missions, then the five answers."""
    from counterflow.orchestration.questions import ask

    shown = [sys.executable, "-m", "counterflow.cli", "status", "--night", night]
    subprocess.run(shown, check=False)
    ask(settings, console)
    console.print(f"From the start to these answers: {seconds:.0f} s")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missions", type=int, default=72, help="how many missions to make")
    parser.add_argument("--cases", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--night", default="2010-11-25")
    parser.add_argument("--mission", action="append", default=[], help="load only this mission")
    parser.add_argument("--no-generate", action="store_true", help="the exports are there already")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
