"""Lineage events: from each mission's export to each published table, without a value, and never in a night's way."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from counterflow import lineage, nightly
from counterflow.local import run_night
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.support import NIGHT, SECRET, Agency, export

Event = dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agency, list[Event]]:
    """A night of one mission that is loaded and one that is refused, and its events."""
    agency = Agency(tmp_path_factory.mktemp("lineage"), ("ALB", "BLR"))
    agency.deliver("ALB", export())
    agency.deliver("BLR", b"\x00 no export at all " + SECRET.encode())
    run_night(replace(agency.settings, max_failed_share=0.6), NIGHT, quiet=True)
    return agency, events(agency.settings.lineages)


def events(folder: Path) -> list[Event]:
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def of(found: list[Event], job: str, kind: str = "COMPLETE") -> Event:
    (event,) = (one for one in found if one["job"]["name"] == job and one["eventType"] == kind)
    return event


def names(event: Event, side: str) -> set[str]:
    return {one["name"] for one in event[side]}


def test_every_published_table_goes_back_to_the_export(told: tuple[Agency, list[Event]]) -> None:
    agency, found = told
    behind = defaultdict(set)
    for event in found:
        for output in names(event, "outputs"):
            behind[output] |= names(event, "inputs")

    def origins(name: str, seen: set[str]) -> set[str]:
        if name not in seen:
            seen.add(name)
            for one in behind[name]:
                origins(one, seen)
        return seen

    made = read_manifest(agency.settings.warehouse / MANIFEST)
    assert made is not None
    # what the seeds alone say, and what is a statement of ours, has no export behind it
    ours = {"core.dim_country", "core.dim_code", "core.dim_day", "analysis.caveat"}
    for table in set(made.tables) - ours:
        if table.startswith(("core.", "analysis.")):
            assert "exports.ALB" in origins(f"warehouse.{table}", set()), table


def test_what_is_refused_lands_nothing(told: tuple[Agency, list[Event]]) -> None:
    assert names(of(told[1], "nightly.ingest.ALB"), "outputs") == {"landing.ALB"}
    assert names(of(told[1], "nightly.ingest.BLR"), "outputs") == set()


def test_what_was_published_has_its_content_hash_and_its_rows(
    told: tuple[Agency, list[Event]],
) -> None:
    agency, found = told
    made = read_manifest(agency.settings.warehouse / MANIFEST)
    assert made is not None
    versions = {
        one["name"].removeprefix("warehouse."): (
            one["outputFacets"]["outputStatistics"]["rowCount"],
            one["facets"]["version"]["datasetVersion"],
        )
        for one in of(found, "nightly.publish")["outputs"]
    }
    assert versions == dict(made.tables)


def test_a_model_says_its_columns_and_its_caveat(told: tuple[Agency, list[Event]]) -> None:
    (case,) = of(told[1], "dbt.fct_case")["outputs"]
    columns = {one["name"]: one["type"] for one in case["facets"]["schema"]["fields"]}
    assert columns["case_key"] == "varchar"
    assert "case_key" in columns
    assert case["facets"]["documentation"]["description"]


def test_a_step_ends_under_the_run_that_it_began(told: tuple[Agency, list[Event]]) -> None:
    for step in ("plan", "ingest.ALB", "validate", "transform", "gates", "publish"):
        began = of(told[1], f"nightly.{step}", "START")
        ended = of(told[1], f"nightly.{step}")
        assert began["run"]["runId"] == ended["run"]["runId"]
    above = {
        one["run"]["facets"]["parent"]["run"]["runId"]
        for one in told[1]
        if one["job"]["name"].startswith("nightly.")
    }
    assert len(above) == 1
    model = of(told[1], "dbt.fct_case")["run"]["facets"]["parent"]["run"]["runId"]
    assert model == of(told[1], "nightly.transform")["run"]["runId"]


def test_no_value_is_told(told: tuple[Agency, list[Event]]) -> None:
    (file,) = told[0].settings.lineages.iterdir()
    assert SECRET not in file.read_text("utf-8")


def test_of_an_error_its_class_is_told_and_not_its_text(tmp_path: Path) -> None:
    settings = Agency(tmp_path, ("ALB",)).settings
    lineage.Told(settings, NIGHT, "transform").failed(ValueError(SECRET))
    failed = of(events(settings.lineages), "nightly.transform", "FAIL")
    assert failed["run"]["facets"]["errorMessage"]["message"] == "ValueError"
    assert SECRET not in json.dumps(failed)


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    settings = replace(Agency(tmp_path, ("ALB",)).settings, lineage="off")
    nightly.plan(settings, NIGHT)
    assert not settings.lineages.exists()


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[Event]]]:
    """A lineage server that answers with `status`, and what it was sent."""
    sent: list[Event] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", sent
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def to(url: str, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("OPENLINEAGE_URL", url)
    lineage._server.cache_clear()


def test_a_server_gets_the_events_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(Agency(tmp_path, ("ALB",)).settings, lineage="server")
    with server(201) as (url, sent):
        to(url, monkeypatch)
        nightly.plan(settings, NIGHT)
    assert [one["eventType"] for one in sent] == ["START", "COMPLETE"]
    assert not settings.lineages.exists()


def test_a_server_that_fails_is_not_asked_again_that_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(Agency(tmp_path, ("ALB",)).settings, lineage="server")
    with server(400) as (url, sent):
        to(url, monkeypatch)
        nightly.plan(settings, NIGHT)
        assert len(sent) == 1
    assert [one["eventType"] for one in events(settings.lineages)] == ["START", "COMPLETE"]


def test_a_disk_that_takes_nothing_stops_no_step(tmp_path: Path) -> None:
    settings = Agency(tmp_path, ("ALB",)).settings
    settings.home.mkdir(exist_ok=True)
    settings.lineages.write_text("a file where the folder would be")
    assert nightly.plan(settings, NIGHT).night == NIGHT
