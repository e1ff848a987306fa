"""Starting and stopping: nothing is left running, whoever ends what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from counterflow.orchestration import processes
from counterflow.orchestration.config import LocalAirflow, free_port
from counterflow.orchestration.processes import AirflowNotRunning, members, running
from counterflow.settings import Settings

# A component that forks a child, which makes its own process group as Airflow's tasks do.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setpgid(0, 0)
open(f"{os.environ['AIRFLOW_HOME']}/pid.{os.getpid()}", "w").close()
time.sleep(600)
"""


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalAirflow:
    """An installation whose components are small programs, not Airflow."""
    made = LocalAirflow(Settings(home=tmp_path, exports=tmp_path, missions=tmp_path), free_port())
    module = tmp_path / "stand_in"
    (module / "airflow").mkdir(parents=True)
    (module / "airflow" / "__init__.py").touch()
    (module / "airflow" / "__main__.py").write_text(STUBBORN)
    monkeypatch.setenv("PYTHONPATH", str(module))
    monkeypatch.setattr(processes, "prepare", lambda airflow: airflow.write())
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    return made


def pids(airflow: LocalAirflow, count: int) -> list[int]:
    for _ in range(600):
        found = [int(path.suffix[1:]) for path in airflow.home.glob("pid.*")]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("the stand-in did not start")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(found: list[int]) -> bool:
    for _ in range(200):
        if not any(alive(pid) for pid in found):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def nothing_left() -> Iterator[list[int]]:
    started: list[int] = []
    yield started
    for pid in started:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_children_in_groups_of_their_own_are_ended_too(
    airflow: LocalAirflow, nothing_left: list[int]
) -> None:
    with running(airflow, "scheduler", "api-server") as started:
        nothing_left += pids(airflow, 4)
        sessions = [process.pid for process in started.running.values()]
        assert len(list(members(sessions))) == 4
    assert gone(nothing_left)


def test_they_are_ended_when_the_block_fails(
    airflow: LocalAirflow, nothing_left: list[int]
) -> None:
    with pytest.raises(ZeroDivisionError), running(airflow, "scheduler"):  # noqa: PT012
        nothing_left += pids(airflow, 2)
        raise ZeroDivisionError
    assert gone(nothing_left)


def test_a_component_that_ends_by_itself_is_said(airflow: LocalAirflow) -> None:
    with running(airflow, "scheduler") as started:
        pids(airflow, 2)
        started.running["scheduler"].kill()
        started.running["scheduler"].wait()
        with pytest.raises(AirflowNotRunning, match=r"scheduler ended with code -9; see .*log"):
            started.check()


def test_one_home_has_one_airflow(airflow: LocalAirflow) -> None:
    with (
        running(airflow),
        pytest.raises(AirflowNotRunning, match="another Airflow is running"),
        running(airflow),
    ):
        pass
    with running(airflow):
        pass  # and the lock is given back


def test_a_taken_port_is_said_before_anything_starts(airflow: LocalAirflow) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", airflow.port))
        taken.listen()
        with (
            pytest.raises(AirflowNotRunning, match=f"port {airflow.port} is taken"),
            running(airflow, "scheduler"),
        ):
            pass
    assert not list(airflow.home.glob("pid.*"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_a_killed_parent_takes_its_components_with_it(
    airflow: LocalAirflow, nothing_left: list[int]
) -> None:
    script = airflow.home / "parent.py"
    airflow.home.mkdir(parents=True)
    stand_in = Path(os.environ["PYTHONPATH"]) / "airflow" / "__main__.py"
    stand_in.write_text(STUBBORN.replace("signal.SIG_IGN", "signal.SIG_DFL"))
    script.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from counterflow.orchestration import processes\n"
        "from counterflow.orchestration.config import LocalAirflow\n"
        "from counterflow.settings import Settings\n"
        f"home = Path({str(airflow.settings.home)!r})\n"
        f"made = LocalAirflow(Settings(home=home, exports=home, missions=home), {airflow.port})\n"
        "processes.prepare = lambda airflow: airflow.write()\n"
        "with processes.running(made, 'scheduler'):\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, script]) as parent:
        nothing_left += pids(airflow, 2)
        leader = next(pid for pid in nothing_left if os.getsid(pid) == pid)
        parent.kill()
    assert gone([leader])  # Airflow's own components end their children when they are asked to end
