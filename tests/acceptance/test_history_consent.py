"""Who withdraws is in no night any more; who is merged goes on in another case.

One mission, three nights. The key of a case is looked for in every column of every published table.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.depersonalise import case_key
from counterflow.local import run_night
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.searching import search
from counterflow.settings import Settings
from counterflow.shell import connect
from counterflow.warehouse.gates import GateFailed
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.support import COLUMNS, NIGHT, Agency, case, export

FIRST, SECOND, THIRD = (NIGHT + timedelta(days=n) for n in range(3))


def sheet(**changed: dict[str, str]) -> bytes:
    """Thirty cases; `n3={…}` changes case 3. Case 4 alone has its papers kept."""
    rows = [case(n, **changed.get(f"n{n}", {})) for n in range(30)]
    means = [{"No.": f"A-{n}", "Means": "papers; kept" if n == 4 else "debt"} for n in range(30)]
    return export(rows, means, (*COLUMNS, "Into"))


def key(settings: Settings, number: int) -> str:
    return case_key(mission_keys(settings, "ALB"), f"A-{number}")


def ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with connect(settings) as warehouse:
        return warehouse.execute(query).fetchall()


def found(settings: Settings, path: Path, wanted: str) -> set[str]:
    """The tables of a DuckDB file that hold a text in any column."""
    tables = set()
    with Seal.of(settings).opened(path) as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall():
            rows = connection.execute(
                f'select count(*) from "{schema}"."{table}" as t where contains(t::varchar, ?)',
                [wanted],
            ).fetchone()
            if rows and rows[0]:
                tables.add(f"{schema}.{table}")
    return tables


def changes(settings: Settings, night: date) -> set[tuple[object, ...]]:
    query = (
        f"select case_key, change, into_case_key from history.case_change where night = '{night}'"
    )
    return set(ask(settings, query))


def run(settings: Settings, night: date) -> None:
    report = run_night(settings, night, quiet=True)
    assert report.is_published, report.text


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Night 1 is published. Tests of this module go on from it in order.

    Night 2: 4 is merged into 6, and 9 withdraws. Night 3: 6 is merged into 8, and 9 agrees again.
    """
    made = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB",))
    made.contract("ALB", "    key: No.\n    columns:\n      reg", "    key: No.\n    merged: {from: Into}\n    columns:\n      reg")  # fmt: skip
    withdrawn = {"Withdrawn": "25.11.2010"}
    made.deliver("ALB", sheet(), FIRST)
    made.deliver("ALB", sheet(n4={"Into": "A-6"}, n9=withdrawn), SECOND)
    made.deliver("ALB", sheet(n4={"Into": "A-6"}, n6={"Into": "A-8"}, n11=withdrawn), THIRD)
    run(made.settings, FIRST)
    return made


def test_who_withdraws_is_in_no_table_of_any_night(agency: Agency) -> None:
    settings = agency.settings
    published, scratch = settings.warehouse / "warehouse.duckdb", settings.build / "scratch.duckdb"
    nine = key(settings, 9)
    assert found(settings, published, nine) >= {
        "core.fct_case", "history.fct_case", "history.fct_control", "history.case_change",
    }  # fmt: skip
    run(settings, SECOND)
    assert found(settings, published, nine) == set()
    assert found(settings, scratch, nine) == set()
    assert not (settings.build / "earlier.duckdb").exists()
    assert nine.encode() not in published.read_bytes()
    assert ask(settings, "select night, cases from history.night order by 1") == [
        (FIRST, 29),
        (SECOND, 28),
    ]
    assert ask(
        settings,
        "select night, rows_accepted, withheld_consent_withdrawn from quality.load order by 1",
    ) == [(FIRST, 58, 2), (SECOND, 58, 2)]
    assert search(settings, [nine]).found == ()
    assert ask(settings, f"select count(*) from history.fct_case_as_of(date '{FIRST}')") == [(29,)]


def test_a_withheld_case_in_history_stops_the_publication(agency: Agency) -> None:
    """The positive control of the gate."""
    settings = agency.settings
    nightly.transform(settings, SECOND)
    with Seal.of(settings).opened(settings.build / "warehouse.duckdb", False) as built:
        built.execute(
            "update history.fct_case set case_key = ? where case_key = "
            "(select min(case_key) from history.fct_case)",
            [key(settings, 9)],
        )
    with pytest.raises(
        GateFailed, match=r"rows of history\.fct_case are of cases that are withheld"
    ):
        nightly.gates(settings, SECOND)


def test_a_merged_case_ends_and_says_where_it_goes_on(agency: Agency) -> None:
    settings = agency.settings
    four, six, eight, nine = (key(settings, n) for n in (4, 6, 8, 9))
    assert changes(settings, SECOND) == {(four, "merged", six), (six, "changed", None)}
    run(settings, THIRD)
    assert changes(settings, SECOND) == {(four, "merged", six), (six, "changed", None)}
    assert changes(settings, THIRD) == {
        (six, "merged", eight),
        (eight, "changed", None),
        (nine, "appeared", None),  # as if it had never been here
    }
    assert ask(
        settings, f"select valid_from, valid_until from history.fct_case where case_key = '{four}'"
    ) == [(FIRST, SECOND)]
    assert ask(
        settings,
        "select night, kind, rows from quality.issue where kind like 'case!_%' escape '!' order by 1",
    ) == [(SECOND, "case_merged", 1), (THIRD, "case_merged", 1)]


def test_what_was_purged_comes_back_from_the_export_that_puts_it_right(agency: Agency) -> None:
    """Night 2 is corrected: 9 never withdrew. Night 1 is not asked again. 11 withdrew on night 3: in no night."""
    settings = agency.settings
    agency.deliver("ALB", sheet(n4={"Into": "A-6"}), SECOND)
    run(settings, SECOND)
    assert ask(settings, "select max(night) from quality.load") == [(THIRD,)]
    assert ask(
        settings,
        "select valid_from, valid_until from history.fct_case "
        f"where case_key = '{key(settings, 9)}'",
    ) == [(SECOND, None)]
    assert found(settings, settings.warehouse / "warehouse.duckdb", key(settings, 11)) == set()
    assert ask(settings, "select night, cases from history.night order by 1") == [
        (FIRST, 28),
        (SECOND, 28),
        (THIRD, 27),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("order", [(FIRST, THIRD, SECOND), (THIRD, SECOND, FIRST)])
def test_whatever_the_order_of_the_files_nobody_who_withdrew_comes_back(
    agency: Agency, tmp_path: Path, order: tuple[date, ...]
) -> None:
    """9 withdraws on night 2 and agrees again on night 3; every table is as if the files had come in time."""
    sheets = {FIRST: sheet(), SECOND: sheet(n9={"Withdrawn": "25.11.2010"}), THIRD: sheet(n8={"Sex": "M"})}  # fmt: skip
    held = []
    for place, nights in enumerate(((FIRST, SECOND, THIRD), order)):
        made = Agency(tmp_path / str(place), missions=("ALB",))
        shutil.copytree(agency.settings.keys, made.settings.keys)
        for night in nights:
            made.deliver("ALB", sheets[night], night)
            run(made.settings, night)
        manifest = read_manifest(made.settings.warehouse / MANIFEST)
        assert manifest is not None
        held.append(dict(manifest.tables))
        periods = f"select valid_from, valid_until from history.fct_case where case_key = '{key(made.settings, 9)}'"
        assert ask(made.settings, periods) == [(THIRD, None)]
    assert held[0] == held[1]
