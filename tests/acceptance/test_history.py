"""History: every night as it was, whatever the order of the runs; and nobody in it who withdrew.

Nights are run as the command line runs them. What a night held is written down when it is published,
and compared with what the last publication says of it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.local import run_night
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.shell import connect
from counterflow.warehouse import history
from counterflow.warehouse.gates import GateFailed
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.support import NIGHT, Agency, case, export

FIRST, SECOND, THIRD = (NIGHT + timedelta(days=n) for n in range(3))
Rows = list[tuple[object, ...]]


def ask(settings: Settings, query: str) -> Rows:
    with connect(settings) as warehouse:
        return warehouse.execute(query).fetchall()


def facts(settings: Settings) -> list[str]:
    """Every table of core that is of cases."""
    found = ask(
        settings,
        "select distinct table_name from duckdb_columns() "
        "where schema_name = 'core' and column_name = 'case_key' order by all",
    )
    return [str(name) for (name,) in found]


def tonight(settings: Settings) -> dict[str, Rows]:
    return {
        fact: ask(settings, f"select * from core.{fact} order by all") for fact in facts(settings)
    }


def as_of(settings: Settings, night: date) -> dict[str, Rows]:
    return {
        fact: ask(settings, f"select * from history.{fact}_as_of(date '{night}') as t order by all")
        for fact in facts(settings)
    }


def changes(settings: Settings, night: date) -> dict[tuple[object, object], int]:
    found = ask(
        settings,
        "select mission_code, change, count(*) from history.case_change "
        f"where night = '{night}' group by all",
    )
    return {(mission, change): int(str(cases)) for mission, change, cases in found}


def hashes(settings: Settings) -> dict[str, tuple[int, str]]:
    manifest = read_manifest(settings.warehouse / MANIFEST)
    assert manifest is not None
    return dict(manifest.tables)


def run(agency: Agency, night: date) -> None:
    report = run_night(agency.settings, night, quiet=True)
    assert report.is_published, report.text


def an_agency(root: Path) -> Agency:
    """Three missions, one of which may be refused without stopping the others."""
    made = Agency(root)
    made.settings = replace(made.settings, max_failed_share=0.5)
    return made


def numbers(*ranges: range | int) -> list[int]:
    return [n for part in ranges for n in ([part] if isinstance(part, int) else part)]


def sheet(which: list[int], **changed: dict[str, str]) -> bytes:
    """An export of the cases `which`; `n3={…}` changes case 3."""
    rows = [case(n, **changed.get(f"n{n}", {})) for n in which]
    return export(rows, [{"No.": f"A-{n}", "Means": "debt"} for n in which])


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Three missions whose cases change, leave and come back; nights 2 and 3 are not run yet.

    ALB falls to half in two steps, neither of which is too large; BLR delivers nothing on night 3; CIV
    delivers the bytes of night 1 again on night 3, when those of night 2 have replaced them.
    """
    made = an_agency(tmp_path_factory.mktemp("agency"))
    made.deliver("ALB", sheet(numbers(range(30))), FIRST)
    made.deliver("ALB", sheet(numbers(range(22)), n3={"Sex": "M"}), SECOND)
    made.deliver("ALB", sheet(numbers(range(15), 29), n4={"Born": "01.02.1999"}), THIRD)
    for mission in ("BLR", "CIV"):
        made.deliver(mission, sheet(numbers(range(30))), FIRST)
        made.deliver(mission, sheet(numbers(range(1, 32)), n7={"Citizenship": "Niger"}), SECOND)
    made.deliver("CIV", sheet(numbers(range(30))), THIRD)
    return made


@pytest.fixture(scope="module")
def in_order(agency: Agency) -> dict[date, dict[str, Rows]]:
    """The nights run in order; what core held on each."""
    held = {}
    for night in (FIRST, SECOND, THIRD):
        run(agency, night)
        held[night] = tonight(agency.settings)
    return held


def another(agency: Agency, home: Path, until: date | None = None) -> Agency:
    """The same missions and key in a home where no night has been run; exports up to `until`."""
    settings = agency.settings
    made = an_agency(home)
    for path in settings.exports.rglob("*.zip"):
        if until is None or path.stem[-8:] <= f"{until:%Y%m%d}":
            target = made.settings.exports / path.relative_to(settings.exports)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copytree(settings.keys, made.settings.keys)
    return made


def late(agency: Agency, other: Agency, night: date) -> None:
    """The exports of `night` come to `other`, however late."""
    for path in agency.settings.exports.rglob(f"*{night:%Y%m%d}.zip"):
        target = other.settings.exports / path.relative_to(agency.settings.exports)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def test_as_of_each_night_is_what_core_was(
    agency: Agency, in_order: dict[date, dict[str, Rows]]
) -> None:
    for night, held in in_order.items():
        assert as_of(agency.settings, night) == held, night
    assert in_order[FIRST] != in_order[SECOND] != in_order[THIRD]
    before = as_of(agency.settings, FIRST - timedelta(days=1))
    assert set(map(len, before.values())) == {0}
    after = as_of(agency.settings, THIRD + timedelta(days=400))
    assert after == in_order[THIRD]


def test_what_happened_to_cases_is_said(
    agency: Agency, in_order: dict[date, dict[str, Rows]]
) -> None:
    assert in_order
    settings = agency.settings
    assert changes(settings, FIRST) == {(m, "appeared"): 30 for m in agency.missions}
    assert changes(settings, SECOND) == {
        ("ALB", "changed"): 1,
        ("ALB", "vanished"): 8,
        **{(m, "appeared"): 2 for m in ("BLR", "CIV")},
        **{(m, "changed"): 1 for m in ("BLR", "CIV")},
        **{(m, "vanished"): 1 for m in ("BLR", "CIV")},
    }
    # BLR is late and CIV's old bytes are refused: what they had stays, and nothing vanishes
    assert changes(settings, THIRD) == {
        ("ALB", "changed"): 2,
        ("ALB", "vanished"): 7,
        ("ALB", "reappeared"): 1,
    }
    signals = ask(
        settings,
        "select night, mission_code, kind, rows from quality.issue where kind like 'case\\_%' escape '\\' "
        "order by all",
    )
    assert signals == [
        (SECOND, "ALB", "case_vanished", 8),
        (SECOND, "BLR", "case_vanished", 1),
        (SECOND, "CIV", "case_vanished", 1),
        (THIRD, "ALB", "case_reappeared", 1),
        (THIRD, "ALB", "case_vanished", 7),
    ]
    statuses = ask(
        settings,
        f"select mission_code, status from quality.load where night = '{THIRD}' order by 1",
    )
    assert statuses == [("ALB", "loaded"), ("BLR", "late"), ("CIV", "refused")]


def test_only_what_changed_has_a_second_row(
    agency: Agency, in_order: dict[date, dict[str, Rows]]
) -> None:
    """A night that loads a mission anew does not copy its cases: the night of loading is the load's."""
    assert in_order
    periods = ask(
        agency.settings,
        "select valid_from, valid_until, count(*) from history.fct_case where mission_code = 'BLR' "
        "group by all order by all",
    )
    assert periods == [
        (FIRST, SECOND, 2),  # case 0 left, case 7 changed
        (FIRST, None, 28),
        (SECOND, None, 3),
    ]


def test_a_past_night_that_is_run_again_changes_no_hash(
    agency: Agency, in_order: dict[date, dict[str, Rows]]
) -> None:
    """The publication is of the newest night, whichever is run."""
    assert in_order
    before = hashes(agency.settings)
    assert history.derivation(agency.settings, SECOND).nights == (THIRD,)
    report = run_night(agency.settings, SECOND, quiet=True)
    assert (report.is_published, report.published) == (True, THIRD)
    assert f"analysts open the night of {THIRD}" in report.text
    assert hashes(agency.settings) == before


@pytest.mark.slow
def test_files_that_come_late_find_their_place(
    agency: Agency, in_order: dict[date, dict[str, Rows]], tmp_path: Path
) -> None:
    """The first night's files come last: every table is as if they had come in time."""
    assert in_order
    other = another(agency, tmp_path, date.min)
    for night in (SECOND, THIRD, FIRST):
        late(agency, other, night)
        run(other, night)
    assert hashes(other.settings) == hashes(agency.settings)


@pytest.mark.slow
def test_a_run_that_stops_anywhere_leaves_nothing_to_undo(
    agency: Agency,
    in_order: dict[date, dict[str, Rows]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Night 2 comes late and is killed between its derivation and the newest night's."""
    assert in_order
    other = another(agency, tmp_path, FIRST)
    run(other, FIRST)
    late(agency, other, THIRD)
    run(other, THIRD)
    late(agency, other, SECOND)
    with monkeypatch.context() as patched:

        def killed(_: Settings) -> None:
            raise KeyboardInterrupt

        patched.setattr(history, "go_on", killed)
        with pytest.raises(KeyboardInterrupt):
            run_night(other.settings, SECOND, quiet=True)
    nights = "select night from history.night order by night"
    assert ask(other.settings, nights) == [(FIRST,), (THIRD,)]
    run(other, THIRD)  # another night than the one that was stopped: what is missing is found
    assert ask(other.settings, nights) == [(FIRST,), (SECOND,), (THIRD,)]
    assert hashes(other.settings) == hashes(agency.settings)


def test_every_fact_has_a_history_with_its_caveat(
    agency: Agency, in_order: dict[date, dict[str, Rows]]
) -> None:
    assert in_order
    settings = agency.settings
    held = ask(settings, "select table_name from duckdb_tables() where schema_name = 'history'")
    assert {name for (name,) in held} == {*facts(settings), "case_change", "night"}
    caveats = ask(
        settings,
        "select t.table_name from duckdb_tables() as t left join analysis.caveat as c "
        "on c.table_name = t.schema_name || '.' || t.table_name "
        "where t.schema_name = 'history' and not coalesce(length(c.caveat) > 100 "
        "and contains(regexp_replace(t.comment, '\\s+', ' ', 'g'), c.caveat), false)",
    )
    assert caveats == []
    uncommented = ask(
        settings,
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'history' and coalesce(comment, '') = ''",
    )
    assert uncommented == []


def test_the_gates_see_every_night(agency: Agency, in_order: dict[date, dict[str, Rows]]) -> None:
    assert in_order
    nightly.transform(agency.settings, THIRD)
    with Seal.of(agency.settings).opened(
        agency.settings.build / "warehouse.duckdb", False
    ) as built:
        for break_it in (
            "update history.fct_case set gender = 'Anna' where valid_until is not null",
            "update history.case_change set change = 'died' where night = '2010-11-26'",
            "alter table history.fct_control add column note varchar",
        ):
            built.execute(break_it)
    with pytest.raises(GateFailed) as failed:
        nightly.gates(agency.settings, THIRD)
    found = {r.gate: r.detail for r in failed.value.results if not r.passed}
    for said in (
        "values of history.fct_case.gender are outside",
        "values of history.case_change.change are outside",
        "history.fct_control.note is a column that no vocabulary covers",
    ):
        assert said in found["closed_vocabularies"]
