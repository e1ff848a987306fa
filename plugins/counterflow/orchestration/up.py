"""`make up`: Airflow with its UI and its schedule, in the foreground, until it is interrupted.

Run as `python -m counterflow.orchestration.up [--port 8080]`. The same configuration as the demo, with
the schedule on and the triggerer beside the other components.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from counterflow.orchestration.api import Api, ApiError
from counterflow.orchestration.config import DAG_ID, USER, LocalAirflow
from counterflow.orchestration.processes import (
    COMPONENTS,
    AirflowNotRunning,
    ended_by_signals,
    running,
)
from counterflow.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, say where and how to log in, wait; 0 when interrupted, 1 when Airflow could not run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    port: int = parser.parse_args(arguments).port
    console = Console()
    airflow = LocalAirflow(Settings.from_env(), port, scheduled=True)
    try:
        with ended_by_signals(), running(airflow, *COMPONENTS) as processes:
            console.print("Airflow is starting…")
            Api(airflow, processes.check).wait_for_dag(DAG_ID)
            console.print(f"Airflow is ready: {airflow.url}  (exports: {airflow.settings.exports})")
            console.print(f"Log in as {USER}; the password is in {airflow.passwords}")
            console.print("Ctrl-C stops it and everything it started.")
            while True:
                processes.check()
                time.sleep(2)
    except KeyboardInterrupt:
        console.print("Airflow has stopped.")
        return 0
    except (AirflowNotRunning, ApiError) as problem:
        console.print(f"up: {problem}", style="red", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
