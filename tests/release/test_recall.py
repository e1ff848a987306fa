"""A consent that ends reaches every kept release, shows no one by doing so, and is remembered as a number only."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from counterflow import keys
from counterflow.release import (
    building,
    deciding,
    folder,
    inside,
    ledger,
    places,
    recall,
    verification,
)
from counterflow.release.gates import rows_of
from counterflow.sealing import Seal, SealRefusedError
from tests.release.conftest import CASES, Copy, World
from tests.release.world import NIGHT, installation, key, publish, small


@pytest.fixture(scope="module")
def two_releases(released_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    from tests.release.conftest import _copied

    world = _copied(released_world, tmp_path_factory.mktemp("two"))
    publish(world.settings, [*CASES, *range(700, 730)])
    made = building.build(world.settings, small())
    deciding.approve(world.settings, made.number, made.digest, "desk")
    return World(world.settings, made)


def _a_shown_case(world: World, number: str = "001") -> str:
    kept = inside.read(inside.folder(world.releases, number), Seal.of(world.settings))
    return min(next(one for one in kept.classes if one.is_shown).cases)


def _inside_text(world: World) -> str:
    seal = Seal.of(world.settings)
    files = sorted((world.releases / ".inside").rglob("*.parquet"))
    return "".join(str(seal.read(path).to_pylist()) for path in files)


def test_the_rows_that_look_like_her_leave_every_release(two_releases: World, copy: Copy) -> None:
    world = copy(two_releases)
    hers = _a_shown_case(world)
    before = {n: folder.read(world.releases / n) for n in ("001", "002")}
    assert hers in _inside_text(world)  # the control
    removed = recall.forget(world.settings, "MDA", {hers}, NIGHT)
    assert removed >= 2 * 11
    lost = 0
    for number, was in before.items():
        now = folder.read(world.releases / number)
        then, left = rows_of(was.microdata), rows_of(now.microdata)
        gone = {p: then[p] - left[p] for p in then.keys() | left.keys() if then[p] != left[p]}
        assert all(abs(n) >= 11 for n in gone.values())
        lost += sum(then.values()) - sum(left.values())
        for name in now.about.policy.tables:  # each is of many, and a changed count would say more
            assert now.table(name) == was.table(name)
        assert all(r.passed for r in verification.verify(world.settings, number))
        (told,) = now.about.revisions
        assert told["revision"] == 1
        assert told["night"] == str(NIGHT)
        assert "Revision 1" in (world.releases / number / "README.md").read_text()
        assert "Revision 1" in (world.releases / number / "report.html").read_text()
    assert lost == removed
    assert hers not in _inside_text(world)
    raw = b"".join(p.read_bytes() for p in world.releases.rglob("*") if p.is_file())
    assert hers.encode() not in raw
    entries = [e for e in ledger.read(world.releases) if e["event"] == "revised"]
    assert [e["number"] for e in entries] == ["001", "002"]
    assert sum(e["rows_removed"] for e in entries) == removed
    assert ledger.broken(world.releases) == []


def test_forgetting_twice_changes_nothing(two_releases: World, copy: Copy) -> None:
    world = copy(two_releases)
    hers = _a_shown_case(world)
    recall.forget(world.settings, "MDA", {hers}, NIGHT)
    lines = ledger.read(world.releases)
    assert recall.forget(world.settings, "MDA", {hers}, NIGHT) == 0
    assert recall.forget(world.settings, "MDA", set(), NIGHT) == 0
    assert recall.forget(world.settings, "MDA", {key(99_999)}, NIGHT) == 0
    assert ledger.read(world.releases) == lines


def test_what_is_left_is_a_number(two_releases: World, copy: Copy) -> None:
    world = copy(two_releases)
    hers = _a_shown_case(world)
    seal = Seal.of(world.settings)
    where = inside.folder(world.releases, "002")
    before = inside.read(where, seal)
    recall.forget(world.settings, "MDA", {hers}, NIGHT)
    after = inside.read(where, seal)
    departed = Counter({one.number: one.departures for one in after.classes if one.departures})
    assert sum(departed.values()) == 1
    was, now = (
        dict(zip(*(kept.cells.values[c].to_pylist() for c in ("cell", "departures")), strict=True))
        for kept in (before, after)
    )
    assert now["case"] == was["case"] + 1
    assert sum(now.values()) - sum(was.values()) == _cells_of(before, hers)


def _cells_of(kept: inside.Inside, case: str) -> int:
    """Of how many counts she was a part."""
    places_of = dict(
        zip(*(kept.cells.keys[c].to_pylist() for c in ("case_key", "place")), strict=True)
    )
    return kept.cells.cases["place"].to_pylist().count(places_of[case])


def test_the_next_release_shows_nobody_who_was_shown_with_her(
    two_releases: World, copy: Copy
) -> None:
    world = copy(two_releases)
    hers = _a_shown_case(world)
    others = next(
        one.cases for one in inside.read(inside.folder(world.releases, "002"), Seal.of(world.settings)).classes
        if hers in one.cases
    )  # fmt: skip
    recall.forget(world.settings, "MDA", {hers}, NIGHT)
    gone = next(n for n in CASES if key(n) == hers)
    publish(world.settings, [n for n in (*CASES, *range(700, 730)) if n != gone])
    made = building.build(world.settings, small())
    assert all(gate.passed for gate in made.gates)
    kept = inside.read(
        places.inside_of_candidate(world.releases, made.number), Seal.of(world.settings)
    )
    shown = {case for one in kept.classes if one.is_shown for case in one.cases}
    assert shown.isdisjoint(others)
    first = folder.read(places.candidate(world.releases, made.number)).table("trends")
    assert first == folder.read(world.releases / "002").table("trends")


def test_a_case_that_no_row_shows_leaves_the_files_as_they_are(
    two_releases: World, copy: Copy
) -> None:
    world = copy(two_releases)
    kept = inside.read(inside.folder(world.releases, "001"), Seal.of(world.settings))
    hers = min(kept.cases - {case for one in kept.classes for case in one.cases})
    before = places.digest(world.releases / "001")
    assert recall.forget(world.settings, "MDA", {hers}, NIGHT) == 0 or before != places.digest(
        world.releases / "002"
    )
    assert places.digest(world.releases / "001") == before
    assert hers not in _inside_text(world)


def test_a_candidate_that_has_the_case_is_taken_away(candidate_world: World, copy: Copy) -> None:
    world = copy(candidate_world)
    assert recall.forget(world.settings, "MDA", {key(99_999)}, NIGHT) == 0
    assert places.pending(world.releases) == "001"
    recall.forget(world.settings, "MDA", {key(3)}, NIGHT)
    assert places.pending(world.releases) is None
    last = ledger.read(world.releases)[-1]
    assert last["event"] == "abandoned"
    assert key(3) not in str(last)


def test_where_nothing_was_released_there_is_nothing_to_do(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    assert recall.forget(settings, "MDA", {key(1)}) == 0
    assert recall.rekey(settings, {key(1): key(2)}) == 0
    assert not settings.releases.exists()


class KilledError(BaseException):
    """As a signal would be."""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_kill_while_files_are_swapped_leaves_a_release_and_is_done_again(
    two_releases: World, copy: Copy, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    world = copy(two_releases)
    hers = _a_shown_case(world)
    real, calls = os.replace, Counter[str]()

    def killed(source: Path, target: Path) -> None:
        calls["replace"] += 1
        if calls["replace"] == at:
            raise KilledError
        real(source, target)

    monkeypatch.setattr(places.os, "replace", killed)
    with pytest.raises(KilledError):
        recall.forget(world.settings, "MDA", {hers}, NIGHT)
    monkeypatch.undo()
    recall.forget(world.settings, "MDA", {hers}, NIGHT)
    for number in ("001", "002"):
        assert all(r.passed for r in verification.verify(world.settings, number))
    assert hers not in _inside_text(world)
    assert not [
        p for p in world.releases.iterdir() if p.name.startswith((".new", ".old", ".making"))
    ]


# --- new keys -------------------------------------------------------------------------------------------------


MAPPING = {key(n): key(n + 50_000) for n in (*CASES, *range(700, 730))}


@dataclass
class Change:
    """As a rotation says it."""

    before: Seal
    after: Seal


def test_new_case_keys_carry_the_memory_on(two_releases: World, copy: Copy) -> None:
    """After a rotation the next release knows whom it showed, and the old keys are nowhere."""
    world = copy(two_releases)
    new = Seal(bytes(range(32)), "0badf00d")
    old = Seal.of(world.settings)
    where = inside.folder(world.releases, "002")
    before = inside.read(where, old)
    assert recall.rekey(world.settings, MAPPING, Change(old, new)) == 2
    after = inside.read(where, new)
    assert after.cases == {MAPPING[case] for case in before.cases}
    assert [len(one.cases) for one in after.classes] == [len(one.cases) for one in before.classes]
    assert after.cells.values == before.cells.values
    with pytest.raises(SealRefusedError):
        inside.read(where, old)
    recall.rekey(world.settings, MAPPING, Change(old, new))  # done again after a kill
    again = inside.read(where, new)
    assert again.cases == after.cases


def test_a_rotation_that_was_killed_between_two_releases_goes_on(
    two_releases: World, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copy(two_releases)
    old, new = Seal.of(world.settings), Seal(bytes(range(32)), "0badf00d")
    real, calls = inside.write, Counter[str]()

    def killed(kept: inside.Inside, target: Path, seal: Seal) -> None:
        calls["write"] += 1
        if calls["write"] == 2:
            raise KilledError
        real(kept, target, seal)

    monkeypatch.setattr(recall.inside, "write", killed)
    with pytest.raises(KilledError):
        recall.rekey(world.settings, MAPPING, Change(old, new))
    monkeypatch.undo()
    recall.rekey(world.settings, MAPPING, Change(old, new))
    for number in ("001", "002"):
        assert inside.read(inside.folder(world.releases, number), new).cases <= set(
            MAPPING.values()
        )


def test_a_case_that_has_no_new_key_becomes_a_number(two_releases: World, copy: Copy) -> None:
    """It is in no landing and no publication any more: an old key of it must not stay."""
    world = copy(two_releases)
    hers = _a_shown_case(world)
    recall.rekey(world.settings, {old: new for old, new in MAPPING.items() if old != hers})
    kept = inside.read(inside.folder(world.releases, "001"), Seal.of(world.settings))
    assert hers not in kept.cases
    assert sum(one.departures for one in kept.classes) == 1


def test_published_files_have_no_key_to_open(two_releases: World) -> None:
    assert keys.keyring(two_releases.settings)
    assert pq.read_table(two_releases.releases / "002/data/microdata.parquet").num_rows
