"""A build of which only the changed missions were made is the whole build, row by row; so is what is published of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterflow import nightly, sealing
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse import publication, replacing
from counterflow.warehouse.gates import GateFailed
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import Build, is_published, kept_as, read_manifest
from counterflow.warehouse.purge import give_up_build
from counterflow.warehouse.replacing import PART, ForeignCaseError, Part
from counterflow.warehouse.reuse import RECORD, Tables
from tests.support import NIGHT, Agency, case, export

MISSIONS = ("ALB", "BLR", "CIV", "MDA")


def _means(*withheld: int) -> list[dict[str, str]]:
    """A means of control of most cases; of some it is another one."""
    return [
        {"No.": f"A-{number}", "Means": "papers; kept" if number in withheld else "debt"}
        for number in range(8, 28)
    ]


def _corrected(agency: Agency, on: int) -> None:
    """An answer is another, and two means of control. Another mission sends rubbish."""
    cases = [case(n, **({"Labour": "no"} if n in (3, 4 + on) else {})) for n in range(30)]
    agency.deliver("ALB", export(cases, _means(8, 9)), NIGHT + timedelta(on))
    agency.deliver("MDA", b"no archive", NIGHT + timedelta(on))


def _gone_and_new(agency: Agency, on: int) -> None:
    """Two missions at once: cases that are not exported any more, cases that are new; one row is quarantined."""
    agency.deliver("BLR", export([case(n) for n in range(5, 33)], _means(9)), NIGHT + timedelta(on))
    cases = [case(n, **({"Sex": "?"} if n == 7 else {})) for n in range(28)]
    agency.deliver("CIV", export(cases, _means()), NIGHT + timedelta(on))


def _back_and_mapped_anew(agency: Agency, on: int) -> None:
    """Cases that were gone are there again; a contract says something else of an export that stays."""
    agency.deliver("BLR", export([case(n) for n in range(31)], _means()), NIGHT + timedelta(on))
    agency.contract("CIV", "debt: debt_bondage", "debt: psychological_abuse")


CHANGED: dict[Callable[[Agency, int], None], list[set[str]]] = {
    _corrected: [{"ALB"}], _gone_and_new: [{"BLR", "CIV"}], _back_and_mapped_anew: [{"BLR", "CIV"}],
}  # fmt: skip
NIGHTS = tuple(CHANGED)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Four missions and their first night, published."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    for mission in MISSIONS:
        made.deliver(mission, export())
    night(made.settings, 0)
    return made


def built(settings: Settings, day: int) -> Build:
    """A night up to its build."""
    on = NIGHT + timedelta(day)
    for mission in nightly.plan(settings, on).changed:
        nightly.ingest(settings, on, mission)
    nightly.validate(settings, on)
    return nightly.transform(settings, on)


def night(settings: Settings, day: int) -> Build:
    """A night up to its publication."""
    made = built(settings, day)
    nightly.gates(settings, NIGHT + timedelta(day))
    nightly.publish(settings, NIGHT + timedelta(day))
    return made


def copied(agency: Agency, name: str) -> Agency:
    """A copy of the agency, to go another way in."""
    to = copy(agency)
    root = agency.root / name
    to.settings = replace(agency.settings, home=root / "home", exports=root / "exports")
    for was, now in (
        (agency.settings.home, root / "home"),
        (agency.settings.exports, root / "exports"),
    ):
        shutil.copytree(was, now, symlinks=True)
    return to


@pytest.mark.parametrize("day", range(1, len(NIGHTS) + 1), ids=[n.__name__ for n in NIGHTS])
def test_a_night_of_some_missions_is_the_whole_night(
    agency: Agency, day: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nights go on from each other: what one leaves wrong in a file, the next ones find."""
    settings, happens = agency.settings, NIGHTS[day - 1]
    put = []
    real = Part.put

    def told(part: Part, last: Build) -> Tables:
        put.append(part.missions)
        return real(part, last)

    monkeypatch.setattr(Part, "put", told)
    happens(agency, day)
    (settings.build / PART / "sources" / "case").mkdir(parents=True)  # what a killed build left
    before = copied(agency, f"whole{day}").settings
    shutil.rmtree(before.build)
    made = night(settings, day)
    whole = night(before, day)
    assert {n for n in whole.tables if whole.tables[n] != made.tables.get(n)} == set()
    assert made.tables.keys() == whole.tables.keys()
    assert made.failed_tests == whole.failed_tests == ()
    assert put == CHANGED[happens]
    with sealing.published(settings.warehouse / publication.FILE, settings) as connection:
        assert content_hashes(connection) == whole.tables
    assert not (settings.build / PART).exists()


def test_what_is_counted_is_written_down_for_the_publication(agency: Agency) -> None:
    said = json.loads((agency.settings.build / RECORD).read_text())["step"]
    assert said["missions"] == ["BLR", "CIV"]
    assert "core.fct_case" in said["tables"]
    assert not {t for t in said["tables"] if t.startswith(("analysis.", "quality."))}


def test_history_goes_on_from_what_was_published_and_from_no_other_file(agency: Agency) -> None:
    settings = copied(agency, "put_back").settings
    made = read_manifest(settings.warehouse / "manifest.json")
    file = settings.warehouse / publication.FILE
    assert made is not None
    kept = kept_as(settings, made)
    file.unlink()  # a copied home has two files
    os.link(kept, file)
    assert is_published(settings, made)
    assert not is_published(settings, replace(made, build_id="another"))
    assert not is_published(settings, replace(made, tables={}))
    shutil.copy(kept, file.with_suffix(".restored"))
    file.with_suffix(".restored").replace(file)
    assert not is_published(settings, made)


@pytest.mark.slow
def test_a_fault_of_a_changed_mission_stops_the_publication(agency: Agency) -> None:
    """The tests of dbt are asked of the part as they are of the whole."""
    faulty = copied(agency, "faulty")
    settings = replace(faulty.settings, dbt_project=faulty.settings.home / "dbt_project")
    shutil.copytree(agency.settings.dbt_project, settings.dbt_project)
    test = settings.dbt_project / "tests/no_men.sql"
    test.write_text("select * from {{ ref('fct_case') }} where gender = 'masculine'\n")
    on = len(NIGHTS) + 1
    assert night(settings, on).failed_tests == ()  # whole: the project is another
    men = export([case(n, Sex="M") for n in range(30)], _means())
    faulty.deliver("ALB", men, NIGHT + timedelta(on + 1))
    assert built(settings, on + 1).failed_tests == ("no_men",)
    with pytest.raises(GateFailed, match="no_men"):
        nightly.gates(settings, NIGHT + timedelta(on + 1))


@pytest.mark.slow
def test_a_case_of_two_missions_is_put_nowhere(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no look at one mission can tell; it takes two keys that are one, which is made here by hand."""
    twice, on = copied(agency, "twice"), len(NIGHTS) + 2
    settings, refused, real = twice.settings, [], Part.put
    night(settings, on - 1)  # whole: what was landed lies elsewhere now
    twice.deliver("BLR", export([case(n) for n in range(28)], _means()), NIGHT + timedelta(on))
    whole = copied(twice, "untouched").settings
    shutil.rmtree(whole.build)

    def foreign(part: Part, last: Build) -> Tables:
        with Seal.of(settings).opened(part.folder / "warehouse.duckdb", read_only=False) as db:
            Seal.of(settings).attach(db, settings.build / "warehouse.duckdb", "whole")
            db.execute(
                "update core.fct_case set case_key = (select min(case_key) from whole.core.fct_case "
                "where mission_code = 'CIV') where case_key = (select min(case_key) from core.fct_case)"
            )
        try:
            return real(part, last)
        except ForeignCaseError:
            refused.append(ForeignCaseError)
            raise

    monkeypatch.setattr(Part, "put", foreign)
    made = night(settings, on)
    assert refused == [ForeignCaseError]
    assert made.tables == night(whole, on).tables


def _publication_gone(agency: Agency) -> None:
    """History does not go on from the last build."""
    shutil.rmtree(agency.settings.warehouse)


def _publication_put_back(agency: Agency) -> None:
    """Somebody copied an earlier publication over the newest: its manifest is not of it."""
    agency.deliver("BLR", export([case(n) for n in range(29)], _means()), NIGHT + timedelta(1))
    night(agency.settings, 1)
    folder = agency.settings.warehouse
    [first] = folder.glob("kept/warehouse-20101125-*.duckdb")
    shutil.copy(first, folder / ".restored")
    (folder / ".restored").replace(folder / publication.FILE)


def _killed(agency: Agency) -> None:
    """A build that dies while rows change places leaves files of which nothing is known."""
    agency.deliver("BLR", export([case(n) for n in range(29)], _means()), NIGHT + timedelta(1))
    calls = iter(range(20))

    def summed(*_: object) -> tuple[int, int]:
        if next(calls) == 19:
            raise KeyboardInterrupt
        return 0, 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replacing, "summed", summed)
        with pytest.raises(KeyboardInterrupt):
            built(agency.settings, 1)


@pytest.mark.slow
@pytest.mark.parametrize("happens", [_publication_gone, _publication_put_back, _killed])
def test_the_build_is_made_whole_if(tmp_path: Path, happens: Callable[[Agency], None]) -> None:
    agency = Agency(tmp_path, missions=MISSIONS[:2])
    for mission in agency.missions:
        agency.deliver(mission, export())
    night(agency.settings, 0)
    happens(agency)
    cases = [case(n, **({"Labour": "no"} if n == 3 else {})) for n in range(30)]
    agency.deliver("ALB", export(cases), NIGHT + timedelta(2))
    whole = copied(agency, "whole").settings
    shutil.rmtree(whole.build)
    made = night(agency.settings, 2)
    assert made.tables == night(whole, 2).tables


def test_what_a_killed_build_left_of_a_part_goes_with_the_build(tmp_path: Path) -> None:
    """An erasure waits for no night, and these files hold cases."""
    settings = Agency(tmp_path).settings
    left = [
        settings.build / PART / name for name in ("warehouse.duckdb", "sources/load/load.parquet")
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"cases")
    told = {one.file for one in give_up_build(settings)}
    assert told == {f"build/{PART}/warehouse.duckdb", f"build/{PART}/sources/load/load.parquet"}
    assert not (settings.build / PART).exists()
