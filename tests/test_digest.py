"""The digest of a night: what is new once, what is known never again, and no word of an export."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly, nights, notifying, observing, telling
from counterflow.digest import Digest, digest, remember
from counterflow.landing import Landing
from counterflow.settings import Notices
from counterflow.warehouse.gates import GateFailed, GateResult
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from tests.support import NIGHT, SECRET, Agency, case, export

Sent = list[tuple[str, str]]


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path)
    made.settings = replace(made.settings, notices=Notices(mail_to=("ops@example.org",)))
    for mission in made.missions:
        made.deliver(mission, export())
    return made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    found: Sent = []

    def send(settings: object, subject: str, text: str) -> dict[str, str]:
        found.append((subject, text))
        return {"mail": "sent"}

    monkeypatch.setattr(notifying, "send", send)
    return found


def run(agency: Agency, on: date, published: bool = True) -> Digest:
    """A night up to its digest, without dbt; the manifest says whether it was published."""
    settings = agency.settings
    plan = nightly.plan(settings, on)
    for mission in plan.changed:
        nightly.ingest(settings, on, mission)
    nightly.validate(settings, on)
    if published:
        settings.warehouse.mkdir(parents=True, exist_ok=True)
        write_manifest(settings.warehouse / MANIFEST, Build(on, "x", {}, (), 1.0))
    return digest(settings, on, nights.journal(settings, on))


def said(found: Digest) -> list[tuple[str, str]]:
    return [(one.who, one.trouble) for one in found.news]


def on(days: int) -> date:
    return NIGHT + timedelta(days=days)


def test_a_night_without_news_is_silent(agency: Agency, sent: Sent) -> None:
    run(agency, NIGHT)
    assert telling.tell(agency.settings, NIGHT).channels == {}
    assert sent == []


def test_a_heartbeat_says_that_nothing_is_new(agency: Agency, sent: Sent) -> None:
    agency.settings = replace(
        agency.settings, notices=replace(agency.settings.notices, heartbeat=True)
    )
    run(agency, NIGHT)
    telling.tell(agency.settings, NIGHT)
    [(subject, _)] = sent
    assert subject == "Counterflow, night 2010-11-25: published, nothing new"


def test_what_is_new_is_told_once_and_its_end_too(agency: Agency, sent: Sent) -> None:
    run(agency, NIGHT)
    for mission in ("ALB", "CIV"):
        agency.deliver(mission, export([case(n, Sex="M") for n in range(30)]), on(1))
    assert said(run(agency, on(1))) == [("BLR", "late")]
    telling.tell(agency.settings, on(1))
    assert said(run(agency, on(1))) == []  # the same night again
    for mission in ("ALB", "CIV"):
        agency.deliver(mission, export([case(n, Notes="more") for n in range(31)]), on(2))
    assert said(run(agency, on(2))) == []  # known, and no worse
    telling.tell(agency.settings, on(2))
    assert len(sent) == 1
    assert said(run(agency, on(14)))[:1] == [("BLR", "silent")]  # now worse
    telling.tell(agency.settings, on(14))
    for mission in agency.missions:
        agency.deliver(mission, export([case(n) for n in range(32)]), on(15))
    found = run(agency, on(15))
    assert ("BLR", "") in said(found)
    assert "BLR recovered: its export is loaded again" in found.text


def test_each_line_has_its_page(agency: Agency) -> None:
    run(agency, NIGHT)
    agency.deliver("ALB", b"no archive", on(1))
    agency.contract("BLR", "gender:", "gendr:")
    for path in (agency.settings.exports / "CIV").rglob("*.zip"):
        path.unlink()
    found = run(agency, on(1), published=False)
    assert said(found) == [
        ("night", "unpublished"),
        ("BLR", "failed"),
        ("ALB", "refused"),
        ("CIV", "missing"),
    ]
    pages = [line.strip() for line in found.text.splitlines() if line.startswith("    ")]
    assert pages == [
        f"docs/runbooks/{name}.md"
        for name in ("night_failed", "mission_failed", "mission_refused", "mission_late")
    ]
    for page in pages:
        assert (Path(__file__).parents[1] / page).exists()
    assert found.subject == "Counterflow, night 2010-11-26: NOT published, 4 new"


def test_every_page_that_is_named_exists() -> None:
    from counterflow.digest import PAGES

    folder = Path(__file__).parents[1] / "docs" / "runbooks"
    assert {name for name in PAGES.values() if not (folder / f"{name}.md").exists()} == set()


def test_nothing_of_an_export_is_sent_whatever_a_record_says(agency: Agency) -> None:
    """The record is planted: today no message can hold a cell, and if one did it would not be sent."""
    run(agency, NIGHT)
    landing = Landing(agency.settings.landing, "ALB")
    record = landing.record(NIGHT)
    assert record is not None
    for text in (
        f"ALB: {SECRET}",
        "ALB: export refused (bad): `Zxqvella` in row 3",
        "Maria Petrova",
    ):
        landing.save(record.with_(status="refused", message=text))
        found = digest(agency.settings, NIGHT, nights.journal(agency.settings, NIGHT))
        assert said(found) == [("ALB", "refused")]
        assert "Zxqvella" not in found.text
        assert "Petrova" not in found.text
        assert "is not sent" in found.text


def test_real_messages_are_sent_as_they_are(agency: Agency) -> None:
    run(agency, NIGHT)
    agency.deliver("ALB", b"no archive", on(1))
    found = run(agency, on(1))
    for one in found.news:
        record = Landing(agency.settings.landing, one.who).record(on(1))
        assert record is not None
        assert one.text == record.message


def test_a_channel_that_fails_is_told_again_and_is_seen(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(agency, NIGHT)
    run(agency, on(1))
    became = {"mail": "ConnectionRefusedError", "chat": "sent"}
    monkeypatch.setattr(notifying, "send", lambda *_: became)
    told = telling.tell(agency.settings, on(1))
    assert told.failed == ["mail (ConnectionRefusedError)"]
    assert "notification_failed" in told.text
    assert nights.journal(agency.settings, on(1)).untold == ["mail"]
    assert len(said(run(agency, on(2)))) == 3  # all three are late, and nobody knows yet


def test_an_older_night_that_is_run_again_tells_nothing(agency: Agency, sent: Sent) -> None:
    run(agency, NIGHT)
    run(agency, on(1))
    agency.deliver("ALB", b"no archive", NIGHT)
    run(agency, NIGHT)
    telling.tell(agency.settings, NIGHT)
    assert sent == []


def test_a_gate_that_fails_is_named_and_its_detail_stays_inside(agency: Agency, sent: Sent) -> None:
    run(agency, NIGHT, published=False)
    refused = GateFailed([GateResult("consent", False, f"{SECRET} has none")])

    @observing.observed("gates")
    def gates(_settings: object, _night: date) -> None:
        raise refused

    with pytest.raises(GateFailed):
        gates(agency.settings, NIGHT)
    telling.tell(agency.settings, NIGHT)
    [(subject, text)] = sent
    assert "NOT published" in subject
    assert "gates that failed: consent" in text
    assert "docs/runbooks/gate_failed.md" in text
    assert "Zxqvella" not in text
    # whoever is at the machine reads all of it
    assert SECRET in nights.journal(agency.settings, NIGHT).stopped
    # the next night is published
    found = run(agency, on(1))
    assert said(found)[0] == ("night", "")


def test_a_fault_is_told_by_its_place_alone(agency: Agency) -> None:
    @observing.observed("transform")
    def transform(_settings: object, _night: date) -> None:
        raise RuntimeError(SECRET)

    with pytest.raises(RuntimeError):
        transform(agency.settings, NIGHT)
    book = nights.journal(agency.settings, NIGHT)
    assert (book.failed_step, SECRET in book.stopped) == ("transform", False)
    assert "RuntimeError" in book.stopped


def test_each_desk_hears_of_its_own_missions(
    agency: Agency, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency.settings = replace(agency.settings, notices=replace(agency.settings.notices, desks=True))
    agency.contract("BLR", "steward: test-desk", "steward: minsk-desk")
    letters: dict[str, str] = {}

    def desk(_settings: object, name: str, _subject: str, text: str) -> str:
        letters[name] = text
        return "sent" if name == "minsk-desk" else ""

    monkeypatch.setattr(notifying, "send_to_desk", desk)
    run(agency, NIGHT)
    run(agency, on(1))
    told = telling.tell(agency.settings, on(1))
    assert sorted(letters) == ["minsk-desk", "test-desk"]
    assert "BLR late" in letters["minsk-desk"]
    assert "ALB" not in letters["minsk-desk"]
    assert told.channels == {"mail": "sent", "minsk-desk": "sent"}  # a desk without address is none


def test_what_is_told_is_written_whole_and_a_broken_file_tells_once_more(agency: Agency) -> None:
    run(agency, NIGHT)
    found = run(agency, on(1))
    remember(agency.settings, found.news)
    path = agency.settings.nights / "told.json"
    assert set(json.loads(path.read_text())) == {"ALB", "BLR", "CIV"}
    assert said(run(agency, on(1))) == []
    path.write_text("{")
    assert len(said(run(agency, on(1)))) == 3
