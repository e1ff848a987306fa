"""A night in one process: validation has one of its own, whose progress, errors and end are heard all the same."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterflow import local, nightly
from counterflow.landing import Landing
from counterflow.local import ValidationStopped
from counterflow.refusals import is_refusal
from counterflow.settings import Settings
from counterflow.sources import Refused
from tests.support import NIGHT, Agency, case, export


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    agency = Agency(tmp_path)
    for mission in agency.missions:
        agency.deliver(mission, export([case(n) for n in range(5)]))
    return replace(agency.settings, workers=2)


def test_what_lands_is_judged_beside_the_loading_of_dbt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = nightly.plan(settings, NIGHT)
    for mission in plan.changed:
        nightly.ingest(settings, NIGHT, mission)
    loaded: list[int] = []
    monkeypatch.setattr(nightly, "prepare", lambda *_: loaded.append(os.getpid()))
    heard: list[tuple[str, int, int]] = []
    local._validate(settings, NIGHT, None, lambda *said: heard.append(said))
    assert loaded == [os.getpid()]
    assert [at for _, at, _ in heard] == list(range(1, heard[-1][2] + 1))
    assert {step for step, _, _ in heard} == {"validate"}
    records = [Landing(settings.landing, mission).record(NIGHT) for mission in plan.changed]
    assert [record.status for record in records if record] == ["loaded"] * 3


@pytest.mark.parametrize(("workers", "is_own"), [(1, True), (2, False)])
def test_one_worker_is_one_process(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
    is_own: bool,
) -> None:
    said = tmp_path / "pid"
    monkeypatch.setattr(nightly, "validate", lambda *_: said.write_text(str(os.getpid())))
    monkeypatch.setattr(nightly, "prepare", lambda *_: None)
    local._validate(replace(settings, workers=workers), NIGHT, None, lambda *_: None)
    assert (int(said.read_text()) == os.getpid()) == is_own


@pytest.mark.parametrize(
    ("raised", "heard", "text"),
    [
        (ValueError("no contract"), ValueError, "no contract"),
        (OSError(28, "No space left on device"), OSError, "No space left"),
        (Refused("code", "a problem", "a cure"), RuntimeError, r"Refused at local\.py"),
    ],
    ids=["refusal", "disk", "one that no pipe carries"],
)
def test_an_error_there_is_raised_here(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    heard: type[Exception],
    text: str,
) -> None:
    def validate(*_: Any) -> None:
        raise raised

    monkeypatch.setattr(nightly, "validate", validate)
    monkeypatch.setattr(nightly, "prepare", lambda *_: None)
    with pytest.raises(heard, match=text):
        local._validate(settings, NIGHT, None, lambda *_: None)


def test_a_validation_that_is_killed_is_said_with_its_cure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "validate", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    monkeypatch.setattr(nightly, "prepare", lambda *_: None)
    with pytest.raises(ValidationStopped, match="Lower COUNTERFLOW_WORKERS") as stopped:
        local._validate(settings, NIGHT, None, lambda *_: None)
    assert is_refusal(stopped.value)


def test_what_cannot_be_loaded_ahead_is_said_by_the_build(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nightly, "validate", lambda *_: None)
    monkeypatch.setattr(nightly, "prepare", prepare)
    local._validate(settings, NIGHT, None, lambda *_: None)
