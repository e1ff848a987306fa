"""Metrics to a real UDP listener, log lines as JSON: numbers and names, and nothing of an export."""

from __future__ import annotations

import io
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from counterflow import nightly, observing
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from tests.support import NIGHT, SECRET, Agency, case, export


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made


def heard(listener: socket.socket, last: str) -> dict[str, str]:
    """What came, up to a metric; name → value|kind."""
    found: dict[str, str] = {}
    while last not in found:
        name, _, value = listener.recv(4096).decode().partition(":")
        found[name] = value
    return found


@pytest.fixture
def agency(tmp_path: Path, listener: socket.socket) -> Agency:
    made = Agency(tmp_path)
    made.settings = replace(made.settings, statsd=f"127.0.0.1:{listener.getsockname()[1]}")
    made.deliver("ALB", export([case(n, Name=SECRET) for n in range(30)]))
    made.deliver("BLR", b"no archive")
    return made


def night(settings: Settings) -> None:
    for mission in nightly.plan(settings, NIGHT).changed:
        nightly.ingest(settings, NIGHT, mission)
    nightly.validate(settings, NIGHT)
    settings.warehouse.mkdir(parents=True)
    write_manifest(settings.warehouse / MANIFEST, Build(NIGHT, "x", {}, (), 1.0))
    nightly.tell(settings, NIGHT)


def test_operators_hear_missions_rows_steps_and_the_age_of_the_publication(
    agency: Agency, listener: socket.socket
) -> None:
    night(agency.settings)
    found = heard(listener, "counterflow.publication.age_seconds")
    statuses = {
        s: found[f"counterflow.missions.{s}"] for s in ("loaded", "refused", "missing", "late")
    }
    assert statuses == {"loaded": "1|g", "refused": "1|g", "missing": "1|g", "late": "0|g"}
    assert found["counterflow.rows.accepted"] == "60|g"
    assert found["counterflow.published"] == "1|g"
    assert found["counterflow.gates.failed"] == "0|g"
    for step in ("plan", "ingest", "validate"):
        assert found[f"counterflow.step.{step}"].endswith("|ms")
    assert SECRET not in str(found)


def test_a_step_that_fails_is_counted(agency: Agency, listener: socket.socket) -> None:
    @observing.observed("gates")
    def gates(_settings: Settings, _night: date) -> None:
        raise RuntimeError(SECRET)

    with pytest.raises(RuntimeError):
        gates(agency.settings, NIGHT)
    assert (
        heard(listener, "counterflow.step.gates.failed")["counterflow.step.gates.failed"] == "1|c"
    )


def test_log_lines_are_json_with_night_and_mission_and_no_text_of_a_fault(agency: Agency) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observing.AsJson())
    observing.log.addHandler(handler)
    observing.log.setLevel(logging.INFO)

    @observing.observed("transform")
    def transform(_settings: Settings, _night: date) -> None:
        raise RuntimeError(SECRET)

    try:
        night(agency.settings)
        with pytest.raises(RuntimeError):
            transform(agency.settings, NIGHT)
    finally:
        observing.log.removeHandler(handler)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["night"] for line in lines} == {str(NIGHT)}
    assert {line.get("mission") for line in lines if line["step"] == "ingest"} == {"ALB", "BLR"}
    assert (lines[-1]["state"], lines[-1]["error"]) == ("failed", "RuntimeError")
    assert SECRET not in stream.getvalue()


def test_an_address_that_is_nowhere_stops_nothing(tmp_path: Path) -> None:
    settings = replace(Agency(tmp_path).settings, statsd="no-such-host.invalid:8125")
    assert observing.meter_of(settings) is None
