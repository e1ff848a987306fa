"""Airflow's own machinery, in a process of its own: it wants its home before it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterflow.orchestration.config import LocalAirflow, free_port
from counterflow.settings import PROJECT, Settings

Run = Callable[[str], Any]


@pytest.fixture(scope="session")
def in_airflow(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Python source in a fresh interpreter with an Airflow home; what it prints last, as JSON."""
    home = tmp_path_factory.mktemp("airflow_home")
    settings = Settings(home=home, exports=home / "exports", missions=PROJECT / "dags" / "missions")
    airflow = LocalAirflow(settings, free_port())
    airflow.write()
    environment = airflow.environment() | {"PYTHONPATH": str(PROJECT)}
    subprocess.run(
        [sys.executable, "-m", "counterflow.orchestration.metadata"],
        env=environment,
        check=True,
        capture_output=True,
    )

    def run(source: str) -> Any:
        script = Path(home / "script.py")
        script.write_text(source)
        done = subprocess.run(
            [sys.executable, script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
