"""Airflow's processes: a configured installation in, running components out, and none of them left behind.

Each component leads a session of its own. Airflow puts every task into its own process group, so a group
is not enough to find them all, but a session is; and when this process dies, Linux ends the components.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from counterflow.orchestration.config import HOST, LocalAirflow

PATIENCE = 10.0  # seconds between asking a process to end and ending it
_PR_SET_PDEATHSIG = 1

# `--skip-serve-logs`: logs are on this machine's disk, where the UI reads them without a second server.
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


class AirflowNotRunning(Exception):
    """A component ended by itself, or another Airflow uses the same home."""


class Processes:
    """The components of one installation that run now."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self.airflow = airflow
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start one component; what it prints goes to `logs/<name>.log`."""
        command = [sys.executable, "-m", "airflow", *COMPONENTS[name]]
        with self.log(name).open("wb") as log:
            self.running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.airflow.environment(),
                cwd=self.airflow.home,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def log(self, name: str) -> Path:
        """Where a component's output is."""
        return self.airflow.home / "logs" / f"{name}.log"

    def check(self) -> None:
        """Raise if a component ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise AirflowNotRunning(
                    f"Airflow's {name} ended with code {process.returncode}; see {self.log(name)}"
                )

    def stop(self) -> None:
        """End every process of every component: asked first, ended if they do not follow."""
        # The scheduler first: its workers finish, or give up, while there is still an API to tell.
        sessions = {process.pid for process in self.running.values()}
        for name in ("scheduler", "triggerer", "dag-processor", "api-server"):
            if (process := self.running.get(name)) is not None:
                process.terminate()
        ended = time.monotonic() + PATIENCE
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, ended - time.monotonic()))
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        left = list(members(sessions))
        for survivor in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                survivor.kill()
        psutil.wait_procs(left, timeout=PATIENCE)
        self.running.clear()


def members(sessions: Iterable[int]) -> Iterator[psutil.Process]:
    """The processes of these sessions."""
    wanted = set(sessions)
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) in wanted and process.status() != psutil.STATUS_ZOMBIE:
                yield process


@contextlib.contextmanager
def running(airflow: LocalAirflow, *components: str) -> Iterator[Processes]:
    """A configured Airflow with these components; all ended when the block is left, however it is left."""
    (airflow.home / "logs").mkdir(parents=True, exist_ok=True)
    with _alone(airflow.home / "running.lock"):
        processes = Processes(airflow)
        try:
            _must_be_free(airflow.port)
            prepare(airflow)
            for name in components:
                processes.start(name)
            yield processes
        finally:
            processes.stop()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Being ended or losing the terminal is an interrupt like Ctrl-C: components are stopped first."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def prepare(airflow: LocalAirflow) -> None:
    """Write the configuration, then make the metadata database ready."""
    airflow.write()
    done = subprocess.run(
        [sys.executable, "-m", "counterflow.orchestration.metadata"],
        env=airflow.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    (airflow.home / "logs" / "metadata.log").write_bytes(done.stdout)
    if done.returncode:
        raise AirflowNotRunning(
            f"Airflow's database could not be made ready; see {airflow.home / 'logs' / 'metadata.log'}"
        )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of one home: a second Airflow would take the first one's tasks."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AirflowNotRunning(f"another Airflow is running in {path.parent}") from None
        yield


def _must_be_free(port: int) -> None:
    """An API server that cannot listen would leave the tasks talking to whoever does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise AirflowNotRunning(f"port {port} is taken; choose another one") from None


def _die_with_parent() -> None:
    """Ask Linux to end this child when its parent dies; elsewhere the parent's own care must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
