"""From a warehouse to a frozen release: what is refused, who decides, what a kill leaves, what a copy can prove."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from counterflow import keys
from counterflow.release import (
    building,
    deciding,
    describe,
    folder,
    inside,
    ledger,
    places,
    verification,
)
from counterflow.release.errors import ReleaseRefused
from counterflow.sealing import Seal, is_sealed
from tests.release.conftest import CASES, Copy, World
from tests.release.world import installation, key, publish, small


def test_a_candidate_is_in_nobodys_way(candidate_world: World) -> None:
    releases = candidate_world.releases
    assert not (releases / "001").exists()
    where = places.candidate(releases, "001")
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert all(gate.passed for gate in candidate_world.built.gates)
    assert [e["event"] for e in ledger.read(releases)] == ["candidate"]


def test_an_approved_candidate_is_frozen_whole(released_world: World) -> None:
    where = released_world.releases / "001"
    assert {str(p.relative_to(where)) for p in where.rglob("*") if p.is_file()} == folder.expected(
        folder.read(where).about
    )
    assert not any(stat.S_IMODE(p.stat().st_mode) & 0o222 for p in where.rglob("*") if p.is_file())
    entry = ledger.standing(released_world.releases, "001")
    assert entry is not None
    assert entry["approver"] == "desk"
    assert {
        "night",
        "policy_sha256",
        "k",
        "l",
        "method",
        "version",
        "gates",
        "files",
    } <= entry.keys()
    assert all(result.passed for result in verification.verify(released_world.settings, "001"))


def test_no_case_key_leaves(released_world: World) -> None:
    """Searched for in every byte and every decoded table; the inside, opened with its key, has them."""
    where = released_world.releases / "001"
    text = (released_world.releases / ledger.FILE).read_text()
    text += "".join(p.read_bytes().decode("latin1") for p in where.rglob("*") if p.is_file())
    text += "".join(str(pq.read_table(p).to_pylist()) for p in where.rglob("*.parquet"))
    keys = {key(n) for n in CASES}
    assert not any(one in text for one in keys)
    seal = Seal.of(released_world.settings)
    where = inside.folder(released_world.releases, "001")
    assert inside.read(where, seal).cases <= keys
    assert inside.read(where, seal).cases
    files = list(where.rglob("*.parquet"))
    assert files
    assert all(is_sealed(path) for path in files)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    raw = b"".join(path.read_bytes() for path in files)
    assert not any(one.encode() in raw for one in keys)


def test_a_copy_proves_itself_without_the_warehouse(released_world: World, tmp_path: Path) -> None:
    copied = tmp_path / "handed_on"
    shutil.copytree(released_world.releases / "001", copied)
    assert all(result.passed for result in verification.verify_folder(copied))


def _changed_value(where: Path) -> None:
    path = where / "data/microdata.csv"
    path.write_text(path.read_text().replace("feminine", "masculine", 1))


def _foreign_file(where: Path) -> None:
    (where / "data/notes.txt").write_text("a note")


def _missing_file(where: Path) -> None:
    (where / "ddi.xml").unlink()


def _missing_croissant(where: Path) -> None:
    (where / "croissant.json").unlink()


@pytest.mark.parametrize(
    "damage", [_changed_value, _foreign_file, _missing_file, _missing_croissant]
)
def test_a_copy_that_was_touched_says_so(
    released_world: World, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    copied = tmp_path / "handed_on"
    shutil.copytree(released_world.releases / "001", copied)
    for path in copied.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    damage(copied)
    assert "hashes" in {r.gate for r in verification.verify_folder(copied) if not r.passed}


def test_a_release_from_before_croissant_is_whole(released_world: World, tmp_path: Path) -> None:
    """Its list of hashes does not name the file."""
    copied = tmp_path / "older"
    shutil.copytree(released_world.releases / "001", copied)
    copied.chmod(0o755)
    for name in ("croissant.json", describe.SUMS):
        (copied / name).chmod(0o644)
    (copied / "croissant.json").unlink()
    lines = (copied / describe.SUMS).read_text().splitlines(keepends=True)
    (copied / describe.SUMS).write_text("".join(line for line in lines if "croissant" not in line))
    assert [r for r in verification.verify_folder(copied) if not r.passed] == []


def test_what_is_no_release_is_said_in_a_line(tmp_path: Path, released_world: World) -> None:
    results = verification.verify_folder(tmp_path)
    assert [(r.gate, r.passed) for r in results] == [("files", False)]
    with pytest.raises(ReleaseRefused, match="is no folder"):
        verification.verify_folder(tmp_path / "nowhere")
    with pytest.raises(ReleaseRefused, match="there is no release 009"):
        verification.verify(released_world.settings, "009")


def test_a_release_that_the_ledger_does_not_know_fails(released_world: World, copy: Copy) -> None:
    world = copy(released_world)
    os.chmod(world.releases / "001/README.md", 0o644)
    (world.releases / "001/README.md").write_text("other")
    failed = {r.gate for r in verification.verify(world.settings, "001") if not r.passed}
    assert {"hashes", "as_released", "frozen"} <= failed
    (world.releases / ledger.FILE).unlink()
    failed = {r.gate for r in verification.verify(world.settings, "001") if not r.passed}
    assert "as_released" in failed


# --- decisions ------------------------------------------------------------------------------------------------


def test_a_rejected_candidate_is_gone_and_remembered(candidate_world: World, copy: Copy) -> None:
    world = copy(candidate_world)
    deciding.reject(world.settings, "001", "nobody approved it in time")
    assert places.pending(world.releases) is None
    assert not list((world.releases / ".inside").iterdir())
    last = ledger.read(world.releases)[-1]
    assert (last["event"], last["reason"]) == ("rejected", "nobody approved it in time")
    with pytest.raises(ReleaseRefused, match="does not wait any more"):
        deciding.approve(world.settings, "001", world.built.digest, "desk")


def test_another_candidate_than_the_one_decided_on_is_not_released(
    candidate_world: World, copy: Copy
) -> None:
    world = copy(candidate_world)
    with pytest.raises(ReleaseRefused, match="another than the one"):
        deciding.approve(world.settings, "001", "0" * 64, "desk")
    with pytest.raises(ReleaseRefused, match="needs a name"):
        deciding.approve(world.settings, "001", world.built.digest, " ")
    assert not (world.releases / "001").exists()
    deciding.reject(world.settings, "001", "late", digest="0" * 64)  # it is not that one's turn
    assert places.pending(world.releases) == "001"


def test_a_consent_that_ended_while_it_waited_stops_it(candidate_world: World, copy: Copy) -> None:
    world = copy(candidate_world)
    publish(world.settings, [n for n in CASES if n != 5])
    with pytest.raises(ReleaseRefused, match="consent: 1 cases"):
        deciding.approve(world.settings, "001", world.built.digest, "desk")
    assert not (world.releases / "001").exists()
    assert places.pending(world.releases) is None
    assert ledger.read(world.releases)[-1]["event"] == "refused"


def test_a_candidate_that_was_touched_while_it_waited_is_not_released(
    candidate_world: World, copy: Copy
) -> None:
    world = copy(candidate_world)
    _changed_value(places.candidate(world.releases, "001"))
    with pytest.raises(ReleaseRefused, match="hashes"):
        deciding.approve(world.settings, "001", world.built.digest, "desk")
    assert not (world.releases / "001").exists()


def test_approving_twice_is_approving_once(released_world: World, copy: Copy) -> None:
    world = copy(released_world)
    before = ledger.read(world.releases)
    assert deciding.approve(world.settings, "001", world.built.digest, "desk") == "001"
    assert ledger.read(world.releases) == before


# --- refusals -------------------------------------------------------------------------------------------------


def _nothing(world: World) -> None:
    assert places.pending(world.releases) is None
    assert places.released(world.releases) == []


def test_too_few_cases_are_refused(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    publish(settings, range(150))
    with pytest.raises(ReleaseRefused, match="150 accepted cases, and a release needs 200"):
        building.build(settings, small())
    assert places.released(settings.releases) == []
    assert places.pending(settings.releases) is None


def test_without_a_publication_there_is_nothing_to_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match="nothing has been published"):
        building.build(installation(tmp_path), small())


def test_a_key_rotation_must_end_first(candidate_world: World, copy: Copy) -> None:
    world = copy(candidate_world)
    keys.make(world.settings.keys / keys.NEXT)
    with pytest.raises(keys.KeyRefusedError, match="rotation of the keys was not finished"):
        building.build(world.settings, small(), replace=True)
    assert places.pending(world.releases) == "001"


def test_a_number_is_taken_once(released_world: World, copy: Copy) -> None:
    world = copy(released_world)
    with pytest.raises(ReleaseRefused, match="number 001 is taken"):
        building.build(world.settings, small(), number="001")
    shutil.rmtree(world.releases / "001", onerror=None)
    with pytest.raises(ReleaseRefused, match="number 001 is taken"):  # the ledger remembers it
        building.build(world.settings, small(), number="001")
    with pytest.raises(ReleaseRefused, match="is no number"):
        building.build(world.settings, small(), number="../1")


def test_a_candidate_that_waits_is_not_pushed_aside_by_accident(
    candidate_world: World, copy: Copy
) -> None:
    world = copy(candidate_world)
    with pytest.raises(ReleaseRefused, match="candidate 001 waits"):
        building.build(world.settings, small())
    made = building.build(world.settings, small(), replace=True)
    assert made.number == "001"
    assert [e["event"] for e in ledger.read(world.releases)] == [
        "candidate",
        "abandoned",
        "candidate",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_refused(candidate_world: World, copy: Copy) -> None:
    world = copy(candidate_world)
    world.releases.chmod(0o500)
    with pytest.raises(ReleaseRefused, match="cannot be written to"):
        building.build(world.settings, small(), replace=True)
    world.releases.chmod(0o700)


def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    publish(settings, range(250))
    settings.releases.write_text("not a folder")
    with pytest.raises(ReleaseRefused, match="cannot be written to"):
        building.build(settings, small())


def test_a_ledger_that_is_not_whole_stops_the_next_release(
    released_world: World, copy: Copy
) -> None:
    world = copy(released_world)
    path = world.releases / ledger.FILE
    lines = path.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"k": 99})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ReleaseRefused, match="ledger is not whole"):
        building.build(world.settings, small())


def test_what_a_gate_stops_leaves_nothing_behind(
    candidate_world: World, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copy(candidate_world)
    deciding.reject(world.settings, "001", "for the test")
    real = folder.write

    def leaky(where: Path, about: object, tables: object) -> None:
        real(where, about, tables)  # type: ignore[arg-type]
        (where / "README.md").write_text("write to victim.name@example.org")

    monkeypatch.setattr(building.folder, "write", leaky)
    with pytest.raises(
        ReleaseRefused, match=r"leak: README\.md has a line with the shape of: e-mail"
    ) as refused:
        building.build(world.settings, small())
    assert "victim.name" not in str(refused.value)
    _nothing(world)
    assert ledger.read(world.releases)[-1]["event"] == "refused"
    assert "victim.name" not in (world.releases / ledger.FILE).read_text()


# --- kills ----------------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """As a signal would be."""


def test_a_build_that_is_killed_leaves_no_candidate(
    candidate_world: World, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copy(candidate_world)
    deciding.reject(world.settings, "001", "for the test")

    def killed(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(building, "check", killed)
    monkeypatch.setattr(building.places, "discard", lambda *_: None)  # a kill tidies nothing up
    with pytest.raises(KilledError):
        building.build(world.settings, small())
    monkeypatch.undo()
    assert places.candidate(world.releases, "001").exists()
    assert building.build(world.settings, small()).number == "001"  # no decision was due on it


@pytest.mark.parametrize("step", ["settle", "after_inside"])
def test_an_approval_that_is_killed_is_finished_by_the_next_process(
    candidate_world: World, copy: Copy, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world = copy(candidate_world)
    real = os.replace

    def killed(source: Path, target: Path) -> None:
        if step == "settle" or (
            Path(target).name == "001" and Path(target).parent == world.releases
        ):
            raise KilledError
        real(source, target)

    monkeypatch.setattr(places.os, "replace", killed)
    with pytest.raises(KilledError):
        deciding.approve(world.settings, "001", world.built.digest, "desk")
    monkeypatch.undo()
    assert deciding.approve(world.settings, "001", world.built.digest, "desk") == "001"
    assert all(result.passed for result in verification.verify(world.settings, "001"))
    assert [e["event"] for e in ledger.read(world.releases)] == ["candidate", "released"]


# --- a second release -----------------------------------------------------------------------------------------


def test_a_second_release_tells_of_no_one_in_between(released_world: World, copy: Copy) -> None:
    world = copy(released_world)
    first = folder.read(world.releases / "001")
    publish(world.settings, [*(n for n in CASES if n not in (7, 8)), *range(700, 712)])
    made = building.build(world.settings, small())
    assert made.number == "002"
    assert all(gate.passed for gate in made.gates)
    deciding.approve(world.settings, "002", made.digest, "desk")
    second = folder.read(world.releases / "002")
    with duckdb.connect() as connection:
        connection.register("before", first.microdata)
        connection.register("after", second.microdata)
        columns = ", ".join(f'"{c}"' for c in first.microdata.column_names)
        fewest = connection.execute(
            f"""select min(abs(n)) from (select {columns}, sum(n) as n from (
                select *, 1 as n from after union all select *, -1 as n from before) group by {columns})
                where n <> 0"""
        ).fetchone()
    assert fewest is not None
    assert fewest[0] >= 11
    assert all(result.passed for result in verification.verify(world.settings, "002"))
    assert all(result.passed for result in verification.verify(world.settings, "001"))


def test_a_release_of_the_same_night_is_the_same_release(released_world: World, copy: Copy) -> None:
    world = copy(released_world)
    made = building.build(world.settings, small())
    first, again = (
        folder.read(w)
        for w in (world.releases / "001", places.candidate(world.releases, made.number))
    )
    assert {n: first.table(n) for n in first.tables} == {n: again.table(n) for n in again.tables}


def test_parquet_is_plain_for_who_has_no_key(released_world: World) -> None:
    assert pq.read_table(released_world.releases / "001/data/trends.parquet").num_rows
