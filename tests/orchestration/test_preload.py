"""What is imported before tasks are forked: all that a task needs, and only where tasks are forked."""

from __future__ import annotations

import asyncio
import importlib.util
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from counterflow import missions
from counterflow.settings import PROJECT, Settings
from tests.support import CONTRACT

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


def test_contracts_are_read_before_tasks_are_forked(
    local_settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for code in ("ALB", "MDA"):
        (tmp_path / f"{code}.yml").write_text(CONTRACT.format(mission=code, encoding="utf-8"))
    (tmp_path / "BLR.yml").write_text("mission: BLR\nnoo: 1\n")
    monkeypatch.setenv("COUNTERFLOW_MISSIONS", str(tmp_path))
    monkeypatch.setattr(local_settings, "PRELOADED", ())
    local_settings.preload(["airflow", "scheduler"])
    settings = Settings.from_env()

    def parsed(path: Path) -> None:
        raise AssertionError(f"{path.name} was read again")

    monkeypatch.setattr(missions.contracts, "load", parsed)
    assert missions.contract_of(settings, "MDA").mission == "MDA"
    (tmp_path / "ALB.yml").write_text("changed since")
    with pytest.raises(AssertionError, match=r"ALB\.yml was read again"):
        missions.contract_of(settings, "ALB")


@pytest.mark.parametrize(("mode", "waits"), [("wal", 1), ("delete", 2)])
def test_commits_to_sqlite_wait_for_the_disk_only_where_they_must(
    local_settings, tmp_path: Path, mode: str, waits: int
) -> None:
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as made:
        made.execute(f"pragma journal_mode = {mode}")
    with create_engine(f"sqlite:///{path}").connect() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == waits

    async def asked() -> Any:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        async with engine.connect() as connection:
            found = (await connection.exec_driver_sql("pragma synchronous")).scalar()
        await engine.dispose()
        return found

    assert asyncio.run(asked()) == waits


def test_airflow_does_not_take_the_package_for_plugins() -> None:
    ignored = (PROJECT / "plugins" / ".airflowignore").read_text().splitlines()
    assert "counterflow/" in ignored
    assert "airflow_local_settings.py" in ignored
