"""What a local Airflow is told: private secrets, this machine only, nothing of another Airflow."""

from __future__ import annotations

import configparser
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from counterflow.orchestration.config import USER, LocalAirflow, free_port
from counterflow.settings import PROJECT, Settings


@pytest.fixture
def airflow(tmp_path: Path) -> LocalAirflow:
    home = tmp_path / "a home"  # with a space: paths are quoted where a shell reads them
    made = LocalAirflow(Settings(home=home, exports=home / "x", missions=home / "m"), 18080)
    made.home.mkdir(parents=True)
    made.write()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_files_that_only_their_owner_reads(airflow: LocalAirflow) -> None:
    secrets = list((airflow.home / "secrets").iterdir())
    assert {path.name for path in secrets} == {
        "fernet_key",
        "jwt_secret",
        "api_secret_key",
        "passwords.json",
    }
    assert {mode(path) for path in secrets} == {0o600}
    assert mode(airflow.home / "secrets") == 0o700
    assert mode(airflow.home / "airflow.cfg") == 0o600


def test_no_secret_is_in_the_configuration_or_an_environment(airflow: LocalAirflow) -> None:
    told = (airflow.home / "airflow.cfg").read_text() + json.dumps(airflow.environment())
    for path in (airflow.home / "secrets").iterdir():
        secret = airflow.password() if path.suffix == ".json" else path.read_text()
        assert len(secret) >= 16
        assert secret not in told


def test_secrets_outlive_a_new_configuration_and_differ_between_homes(
    airflow: LocalAirflow, tmp_path: Path
) -> None:
    def secrets(of: LocalAirflow) -> dict[str, str]:
        return {path.name: path.read_text() for path in (of.home / "secrets").iterdir()}

    before = secrets(airflow)
    airflow.write()
    assert secrets(airflow) == before
    home = tmp_path / "other"
    other = LocalAirflow(Settings(home=home, exports=home, missions=home), 1)
    other.write()
    assert not set(before.values()) & set(secrets(other).values())


def test_the_configuration_names_only_options_that_airflow_has(airflow: LocalAirflow) -> None:
    known = airflow_options()
    for section, options in airflow.options().items():
        for option in options:
            name = option.removesuffix("_cmd")
            assert name in known[section], f"[{section}] {option}"


def airflow_options() -> dict[str, set[str]]:
    """Airflow's own list of its options, read without importing Airflow (that configures it)."""
    import importlib.util

    import yaml

    found = importlib.util.find_spec("airflow")
    assert found is not None
    assert found.origin is not None
    text = (Path(found.origin).parent / "config_templates" / "config.yml").read_text()
    return {name: set(section["options"]) for name, section in yaml.safe_load(text).items()}


def test_it_serves_this_machine_only_and_shows_no_examples(airflow: LocalAirflow) -> None:
    parser = configparser.RawConfigParser()
    parser.read(airflow.home / "airflow.cfg")
    assert parser["api"]["host"] == "127.0.0.1"
    assert parser["core"]["load_examples"] == "False"
    assert parser["core"]["simple_auth_manager_users"] == f"{USER}:admin"
    assert Path(parser["core"]["dags_folder"]) == PROJECT / "dags"
    assert Path(parser["core"]["plugins_folder"]) == PROJECT / "plugins"


def test_only_make_up_has_a_schedule(airflow: LocalAirflow) -> None:
    scheduled = LocalAirflow(airflow.settings, 18080, scheduled=True)
    assert airflow.options()["scheduler"]["use_job_schedule"] == "False"
    assert scheduled.options()["scheduler"]["use_job_schedule"] == "True"


def test_another_airflow_of_the_same_user_does_not_leak_in(
    airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("AIRFLOW_CONN_MISSION_MDA", "sftp://mission")
    environment = airflow.environment()
    assert "AIRFLOW__CORE__EXECUTOR" not in environment
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["AIRFLOW_HOME"] == str(airflow.home)
    assert environment["AIRFLOW_CONN_MISSION_MDA"] == "sftp://mission"  # missions' connections stay


def test_a_free_port_is_free() -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_how_secrets_are_reached_is_taken_over_only_where_the_keys_are_there(
    airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS")
    for name in (*names, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        monkeypatch.setenv(name, "other")
    assert not [name for name in airflow.environment() if name.startswith("AIRFLOW__")]
    there = replace(airflow, settings=replace(airflow.settings, key_source="airflow"))
    assert {n for n in there.environment() if n.startswith("AIRFLOW__")} == set(names)
    assert there.environment()["COUNTERFLOW_KEYS"] == "airflow"


def test_airflow_measures_where_we_do(airflow: LocalAirflow) -> None:
    assert "metrics" not in airflow.options()
    measured = replace(airflow, settings=replace(airflow.settings, statsd="[::1]:8125"))
    metrics = measured.options()["metrics"]
    assert (metrics["statsd_host"], metrics["statsd_port"]) == ("::1", "8125")
