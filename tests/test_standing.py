"""`counterflow status`: the verdict first, what to do with its page, and an exit code for monitoring."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterflow import nightly, nights, standing
from counterflow.cli import app
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from tests.support import NIGHT, Agency, export

PAGES = Path(__file__).parents[1] / "docs" / "runbooks"
NEXT = NIGHT + timedelta(days=1)


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    """A night that is published and good."""
    made = Agency(tmp_path)
    for mission in made.missions:
        made.deliver(mission, export())
    nights_up_to_publication(made)
    return made


def nights_up_to_publication(agency: Agency) -> None:
    settings = agency.settings
    for mission in nightly.plan(settings, NIGHT).changed:
        nightly.ingest(settings, NIGHT, mission)
    nightly.validate(settings, NIGHT)
    settings.warehouse.mkdir(parents=True)
    write_manifest(settings.warehouse / MANIFEST, Build(NIGHT, "x", {}, (), 1.0))


def status(agency: Agency, *options: str) -> tuple[int, str]:
    environment = {
        "COUNTERFLOW_HOME": str(agency.settings.home),
        "COUNTERFLOW_MISSIONS": str(agency.settings.missions),
        "COUNTERFLOW_EXPORTS": str(agency.settings.exports),
    }
    done = CliRunner().invoke(app, ["status", *options], env=environment)
    return done.exit_code, done.output


def test_a_good_night_is_good(agency: Agency) -> None:
    code, text = status(agency, "--check")
    assert code == 0
    assert text.splitlines()[0] == "GOOD: night 2010-11-25 published, nothing to do"
    assert "loaded       3  ALB BLR CIV" in text
    for fact in ("published", "keys", "disk", "backup", "next run"):
        assert fact in text


def test_missions_with_work_are_named_with_their_pages(agency: Agency) -> None:
    agency.deliver("BLR", b"no archive", NEXT)
    agency.deliver("CIV", export(), NEXT)
    settings = agency.settings
    for mission in nightly.plan(settings, NEXT).changed:
        nightly.ingest(settings, NEXT, mission)
    write_manifest(settings.warehouse / MANIFEST, Build(NEXT, "y", {}, (), 1.0))
    code, text = status(agency, "--check")
    assert (code, text.splitlines()[0]) == (
        1,
        "BAD: night 2010-11-26 published, 3 to look at",
    )  # a third
    assert "BLR: export refused" in text
    assert "since the last success: ALB 1 days, BLR 1 days" in text
    said = json.loads(status(agency, "--json")[1])
    assert said["verdict"] == "bad"
    assert [one["page"] for one in said["reasons"]] == [
        "gate_failed",
        "mission_late",
        "mission_refused",
    ]
    assert {line["mission"]: line["days_since_success"] for line in said["missions"]} == {
        "ALB": 1, "BLR": 1, "CIV": 0,
    }  # fmt: skip
    code, _ = status(agency)
    assert code == 0  # only monitoring asks for a code


@pytest.mark.parametrize("step", nights.STEPS)
def test_a_night_that_stopped_says_in_which_step_and_why(agency: Agency, step: str) -> None:
    book = nights.Journal(
        NEXT, {step: {"state": "failed", "seconds": 1, "ended": ""}}, "the disk is full"
    )
    book.save(agency.settings)
    code, text = status(agency, "--check")
    assert code == 1
    first, why, page = text.splitlines()[:3]
    assert first.startswith("BAD: night 2010-11-26 NOT published")
    assert why == f"  2010-11-26 stopped in {step}: the disk is full"
    assert (PAGES / Path(page.strip()).name).exists()


def test_a_night_that_was_begun_and_not_published_is_bad(agency: Agency) -> None:
    nights.Journal(NEXT, {"plan": {"state": "done", "seconds": 1, "ended": ""}}).save(
        agency.settings
    )
    code, text = status(agency, "--check")
    assert code == 1
    assert "it came to plan" in text


def test_a_scheduler_that_is_down_is_seen_by_the_age_of_the_publication(agency: Agency) -> None:
    path = agency.settings.warehouse / MANIFEST
    old = path.stat().st_mtime - 31 * 3600
    os.utime(path, (old, old))
    code, text = status(agency, "--check")
    assert code == 1
    assert "nothing was published for 31 h" in text
    assert (PAGES / "deadline_passed.md").exists()


def test_a_lost_key_is_bad(agency: Agency) -> None:
    (agency.settings.keys / "master.key").unlink()
    code, text = status(agency, "--check")
    assert code == 1
    assert "no master.key in" in text


def test_a_full_disk_is_bad(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**9, 10**9))
    code, text = status(agency, "--check")
    assert code == 1
    assert "only 0.9 GB are free" in text


def test_a_channel_that_failed_and_an_old_backup_are_to_be_looked_at(agency: Agency) -> None:
    book = nights.journal(agency.settings, NIGHT)
    book.told = {"mail": "ConnectionRefusedError", "chat": "sent"}
    book.save(agency.settings)
    old = {"when": "2010-11-01T00:00:00+00:00", "night": "2010-11-01", "folder": "/b", "file": "x"}
    agency.settings.backups.write_text(json.dumps(old) + "\n")
    code, text = status(agency, "--check")
    assert (code, text.splitlines()[0][:4]) == (0, "LOOK")
    assert "not told by mail (ConnectionRefusedError)" in text
    assert "the last backup is" in text


def test_before_the_first_night_there_is_nothing(tmp_path: Path) -> None:
    code, text = status(Agency(tmp_path))
    assert code == 1
    assert "run `counterflow nightly`" in text


def test_a_journal_that_cannot_be_read_or_written_stops_nothing(agency: Agency) -> None:
    (agency.settings.nights / f"{NEXT}.json").write_text("{")
    assert nights.journal(agency.settings, NEXT).steps == {}
    shutil.rmtree(agency.settings.nights)
    agency.settings.nights.write_text("a file in its place")
    nights.Journal(NEXT).save(agency.settings)
    assert standing.standing(replace(agency.settings)) is not None
