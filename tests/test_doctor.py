"""`counterflow doctor` over installations that are broken, each in one way: it names the cause."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from counterflow import doctor, keys
from counterflow.doctor import BROKEN, LOOK, OK, Finding
from counterflow.settings import Settings
from tests.support import Agency

COMMAND = Path(sys.executable).with_name("counterflow")


@pytest.fixture
def agency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agency:
    for name in ("AIRFLOW_HOME", "PYTHONPATH", "AIRFLOW__SECRETS__BACKEND"):
        monkeypatch.delenv(name, raising=False)
    made = Agency(tmp_path)
    keys.begin(made.settings)
    for mission in made.missions:
        (made.settings.exports / mission).mkdir(parents=True, exist_ok=True)
    return made


def found(settings: Settings, check: str) -> list[Finding]:
    return [one for one in doctor.examine(settings) if one.check == check]


def test_nothing_is_broken_in_a_new_installation(agency: Agency) -> None:
    assert [one for one in doctor.examine(agency.settings) if one.state == BROKEN] == []


def test_every_finding_that_is_not_well_says_what_to_do(agency: Agency) -> None:
    (agency.settings.keys / "master.key").unlink()
    for one in doctor.examine(replace(agency.settings, exports=Path("/nowhere"))):
        assert one.state == OK or one.mend, one


def test_another_duckdb_than_the_locks_is_named(agency: Agency, tmp_path: Path) -> None:
    fake = tmp_path / "path" / "duckdb-1.4.0.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: duckdb\nVersion: 1.4.0\n", "utf-8")
    done = subprocess.run(
        [COMMAND, "doctor", "--json"],
        env={
            **os.environ,
            "PYTHONPATH": str(fake.parent),
            "COUNTERFLOW_HOME": str(agency.settings.home),
            "COUNTERFLOW_EXPORTS": str(agency.settings.exports),
            "COUNTERFLOW_MISSIONS": str(agency.settings.missions),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    said = {one["what"] for one in json.loads(done.stdout) if one["state"] == BROKEN}
    assert "duckdb is 1.4.0, the lock says 1.5.5" in said


def test_a_missing_key_and_an_open_one(agency: Agency) -> None:
    key = agency.settings.keys / "master.key"
    key.chmod(0o644)
    assert "open to others" in found(agency.settings, "home")[0].what
    key.unlink()
    (one,) = found(agency.settings, "keys")
    assert (one.state, "no master.key" in one.what) == (BROKEN, True)


def test_an_extension_that_does_not_load(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterflow import sealing

    load = sealing.load

    def refuse(connection: duckdb.DuckDBPyConnection, name: str) -> None:
        if name == "quack":
            raise duckdb.IOException("built for another version")
        load(connection, name)

    monkeypatch.setattr(sealing, "load", refuse)
    (one,) = found(agency.settings, "extensions")
    assert (one.state, "quack" in one.what) == (BROKEN, True)


def test_a_broken_contract_and_none(agency: Agency, tmp_path: Path) -> None:
    agency.contract("BLR", "gender:", "gendr:")
    assert "BLR.yml:" in found(agency.settings, "contracts")[0].what
    (tmp_path / "empty").mkdir()
    empty = replace(agency.settings, missions=tmp_path / "empty")
    assert "no contract" in found(empty, "contracts")[0].what


def test_missions_whose_exports_are_nowhere(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = agency.missions[0]
    (agency.settings.exports / mission).rmdir()
    (one,) = found(agency.settings, "exports")
    assert (one.state, f"{mission} (mission_test)" in one.what) == (LOOK, True)
    monkeypatch.setenv("AIRFLOW_CONN_MISSION_TEST", "sftp://server")
    assert found(agency.settings, "exports")[0].state == OK


@pytest.fixture
def left_over(agency: Agency, tmp_path: Path) -> Iterator[int]:
    """A process called airflow whose parent has ended."""
    script = tmp_path / "airflow"
    script.write_text("import time; time.sleep(120)\n", "utf-8")
    starter = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True, stdout=subprocess.DEVNULL); "
        "print(p.pid)"
    )
    home = {**os.environ, "AIRFLOW_HOME": str(agency.settings.home / "airflow")}
    done = subprocess.run(
        [sys.executable, "-c", starter, str(script), "scheduler"],
        env=home,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    pid = int(done.stdout)
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_process_that_an_airflow_left_behind(agency: Agency, left_over: int) -> None:
    (one,) = found(agency.settings, "airflow")
    assert one.state == BROKEN
    assert f"process {left_over} (" in one.what
    assert "scheduler" in one.what


def test_another_airflow_home(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    assert "/elsewhere" in found(agency.settings, "airflow")[0].what


def test_a_full_disk(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM", 1 << 60)
    assert found(agency.settings, "disk")[0].state == BROKEN


def test_a_clock_that_is_behind(agency: Agency) -> None:
    file = agency.settings.warehouse / "manifest.json.aside"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}", "utf-8")
    os.utime(file, (time.time() + 7200, time.time() + 7200))
    (one,) = found(agency.settings, "clock")
    assert (one.state, "2.0 hours in the future" in one.what) == (BROKEN, True)


def test_a_lock_that_somebody_holds(agency: Agency) -> None:
    from counterflow.locks import exclusive

    with exclusive(agency.settings.home / "night.lock"):
        (one,) = found(agency.settings, "locks")
    assert (one.state, "night.lock" in one.what) == (LOOK, True)
    assert found(agency.settings, "locks")[0].state == OK


def test_a_published_file_that_does_not_open(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import NIGHT

    monkeypatch.setattr("counterflow.warehouse.manifest.published_night", lambda _: NIGHT)
    file = agency.settings.warehouse / "warehouse.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"no database" * 1000)
    assert "does not open" in found(agency.settings, "warehouse")[0].what


def test_a_home_that_is_nowhere(agency: Agency, tmp_path: Path) -> None:
    nowhere = replace(agency.settings, home=tmp_path / "nowhere")
    assert "does not exist" in found(nowhere, "home")[0].what
