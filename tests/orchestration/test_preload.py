"""What is imported before tasks are forked: all that a task needs, and only where tasks are forked."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from counterflow.settings import PROJECT

SOURCE = PROJECT / "plugins" / "airflow_local_settings.py"


@pytest.fixture(scope="module")
def local_settings():
    spec = importlib.util.spec_from_file_location("preload_under_test", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", [["airflow", "api-server"], ["airflow"], ["pytest", "-q"]])
def test_other_commands_load_nothing(local_settings, command: list[str]) -> None:
    assert local_settings.preload(command) == []


@pytest.mark.parametrize("command", ["scheduler", "celery"])
def test_commands_that_fork_tasks_load_what_tasks_need(
    local_settings, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(local_settings.importlib, "import_module", asked.append)
    assert local_settings.preload(["airflow", command]) == list(local_settings.PRELOADED) == asked


def test_every_preloaded_module_exists(local_settings) -> None:
    # by file, not by import: this process is not an Airflow
    for name in local_settings.PRELOADED:
        relative = Path(*name.split("."))
        places = [Path(p) for p in sys.path if p] + [PROJECT / "plugins"]
        assert any(
            (place / relative).with_suffix(".py").exists()
            or (place / relative / "__init__.py").exists()
            for place in places
        ), name


def test_a_module_that_cannot_be_imported_does_not_stop_the_scheduler(
    local_settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr(local_settings.importlib, "import_module", broken)
    assert local_settings.preload(["airflow", "scheduler"]) == []


def test_airflow_does_not_take_the_package_for_plugins() -> None:
    ignored = (PROJECT / "plugins" / ".airflowignore").read_text().splitlines()
    assert "counterflow/" in ignored
    assert "airflow_local_settings.py" in ignored
