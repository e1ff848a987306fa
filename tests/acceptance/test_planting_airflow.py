"""Law 1 through a real Airflow: all 72 missions, a sound night and two broken ones, then every byte is searched.

What Airflow keeps is searched too: logs of every task and component, its database table by table with XComs
and rendered templates, its configuration and secrets. A build with a leak, run the same way, is caught.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.settings import PROJECT
from counterflow.synthetic.missions import MISSIONS
from tests.planting.nights import Planting, night

COMPONENTS = ("api-server", "scheduler", "dag-processor")
# What a careless change could be: cells printed while they are read, and one handed on as a message.
LEAKY = """
exec(compile(open({real!r}).read(), {real!r}, "exec"))
import dataclasses
import counterflow.ingest as reading
import counterflow.nightly as steps

read, step, seen = reading.read_tables, steps.ingest, []

def read_tables(files, contract):
    tables = read(files, contract)
    seen[:] = [str(column[0]) for column in tables["case"].columns if len(column)]
    print("first row:", seen)
    return tables

def ingest(*arguments):
    return dataclasses.replace(step(*arguments), message=" ".join(seen))

reading.read_tables, steps.ingest = read_tables, ingest
"""


@contextmanager
def airflow(planting: Planting, **changes: Any) -> Iterator[Any]:
    """A running Airflow over the planted home; what is given runs a night and says how it ended."""
    kept = dict(os.environ)
    user = planting.left / "user"
    user.mkdir()
    os.environ |= {
        "COUNTERFLOW_MAX_FAILED_SHARE": "1.0",
        "HOME": str(user),
        "TMPDIR": str(planting.left / "tmp"),
    }
    local = replace(LocalAirflow(planting.settings, free_port()), **changes)
    codes = [mission.code for mission in planting.missions]
    try:
        with running(local, *COMPONENTS) as processes:
            api = Api(local, processes.check)
            api.wait_for_dag(DAG_ID)

            def run(number: int) -> str:
                conf = {"night": str(night(number)), "missions": codes}
                *_, last = api.follow(DAG_ID, api.trigger(DAG_ID, conf))
                return str(last["state"])

            yield run
    finally:
        os.environ.clear()
        os.environ |= kept


@pytest.mark.slow
def test_nothing_planted_is_left_behind_by_airflow(tmp_path: Path) -> None:
    made = Planting(tmp_path, MISSIONS)
    with airflow(made) as run:
        made.deliver(night(1))
        assert run(1) == "success"
        made.damage(night(2))
        assert run(2) == "success"
        made.damage(night(3), turn=len(MISSIONS) // 2)
        assert run(3) == "success"
    held = made.settings.home / "airflow"
    assert (held / "airflow.db").stat().st_size > 1_000_000
    assert sum(1 for path in (held / "logs").rglob("*.log")) > 3 * len(MISSIONS)
    assert made.finds() == []


@pytest.mark.slow
def test_a_leaky_build_is_caught_in_logs_and_xcoms(tmp_path: Path) -> None:
    small = [m for m in MISSIONS if m.code in ("MDA", "IDN", "NPL")]
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    real = PROJECT / "plugins" / "airflow_local_settings.py"
    (plugins / real.name).write_text(LEAKY.format(real=str(real)), "utf-8")
    made = Planting(tmp_path / "leaky", small)
    made.deliver(night(1))
    with airflow(made, plugins=plugins) as run:
        run(1)
    places = {find.where for find in made.finds()}
    assert any(place.startswith("home/airflow/logs/dag_id=nightly") for place in places), places
    assert any("airflow.db xcom" in place for place in places), places
