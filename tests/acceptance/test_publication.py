"""From landing to what analysts open: hashes that repeat, readers that never wait, gates that hold."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from counterflow import nightly
from counterflow.local import run_night
from counterflow.sealing import SPILL, Seal, is_sealed
from counterflow.shell import QueryRefusedError, connect
from counterflow.warehouse import publication
from counterflow.warehouse.gates import GateFailed
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from counterflow.warehouse.rewriting import rewrite
from counterflow.warehouse.verification import verify
from tests.support import NIGHT, SECRET, Agency, case, everything, export, key_forms

SECOND = NIGHT + timedelta(days=1)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Three missions, one published night. Tests of this module go on from it in order."""
    made = Agency(tmp_path_factory.mktemp("agency"))
    for mission in made.missions:
        made.deliver(mission, export())
        made.deliver(mission, export([case(n, Sex="M") for n in range(30)]), SECOND)
    report = run_night(made.settings, NIGHT, quiet=True)
    assert report.published == NIGHT, report.text
    return made


def hashes(agency: Agency) -> dict[str, tuple[int, str]]:
    manifest = read_manifest(agency.settings.warehouse / MANIFEST)
    assert manifest is not None
    return dict(manifest.tables)


def test_the_published_file_holds_the_public_schemas_only(agency: Agency) -> None:
    with connect(agency.settings) as warehouse:
        schemas = warehouse.execute(
            "select distinct schema_name from duckdb_tables() order by all"
        ).fetchall()
        assert schemas == [("analysis",), ("core",), ("history",), ("quality",)]
        assert warehouse.execute("select count(*) from core.fct_case").fetchone() == (90,)
        uncommented = warehouse.execute(
            "select table_name from duckdb_tables() where comment is null or comment = ''"
        ).fetchall()
        assert uncommented == []


def test_nothing_personal_is_in_the_home(agency: Agency) -> None:
    text = everything(agency.settings.home, Seal.of(agency.settings))
    with connect(agency.settings) as warehouse:
        for schema, table in warehouse.execute(
            "select schema_name, table_name from duckdb_tables()"
        ).fetchall():
            text += str(warehouse.execute(f'select * from "{schema}"."{table}"').fetchall())
    assert SECRET.casefold() not in text.casefold()
    assert "600 12345" not in text


def test_every_file_of_landing_and_build_is_sealed(agency: Agency) -> None:
    """A law: beside them lie only records of counts, and what dbt says of its own project."""
    settings, plain, sealed = agency.settings, [], set()
    (settings.build / SPILL).mkdir()  # as a killed build leaves it
    (settings.build / SPILL / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"left")
    nightly.transform(settings, NIGHT)
    for folder in (settings.landing, settings.build):
        for path in (p for p in folder.rglob("*") if p.is_file()):
            if is_sealed(path):
                sealed.add(path.suffix)
            elif path.suffix != ".json" and settings.build / "dbt" not in path.parents:
                plain.append(path.relative_to(settings.home))
    assert plain == []
    assert sealed == {".parquet", ".duckdb"}
    assert {p.name for p in settings.build.glob("*.duckdb")} == {
        "warehouse.duckdb",
        "scratch.duckdb",
    }
    for path in (settings.build / "dbt").rglob("*"):
        assert path.read_bytes()[:4] != b"PAR1" if path.is_file() else True
        assert path.read_bytes()[8:12] != b"DUCK" if path.is_file() else True
    assert not is_sealed(
        settings.warehouse / "warehouse.duckdb"
    )  # the control: a file that is plain


def test_no_key_is_in_any_file_of_the_home(agency: Agency) -> None:
    """Neither in dbt's logs, compiled SQL and manifests nor in a stored view; only where keys are kept."""
    settings = agency.settings
    secrets = [bytes.fromhex(path.read_text()) for path in settings.keys.glob("*.key")]
    derived = [base64.b64decode(key) for key in Seal.of(settings)._keys.values()]
    assert len(secrets) >= 1
    assert len(derived) == 3
    forms = key_forms(*secrets, *derived)
    holding = {
        path.parent.name
        for path in settings.home.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    }
    assert holding == {"keys"}
    logs = (settings.build / "dbt" / "logs" / "dbt.log").read_text("utf-8")
    assert "counterflow" in logs
    with Seal.of(settings).opened(settings.build / "scratch.duckdb") as scratch:
        views = scratch.execute("select sql from duckdb_views() where not internal").fetchall()
    assert any("encryption_config" in sql for (sql,) in views)
    assert not [sql for (sql,) in views for form in forms if form in sql.encode()]


def test_a_copy_that_differs_from_what_passed_is_not_published(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, before = agency.settings, hashes(agency)
    nightly.gates(settings, NIGHT)

    def faulty(seal: Seal, source: Path, target: Path, **how: Any) -> None:
        keep = {'"core"."fct_case"': "t.mission_code <> 'BLR'"}
        rewrite(seal, source, target, keep, **how)

    monkeypatch.setattr(publication, "rewrite", faulty)
    with pytest.raises(GateFailed, match="its rows are others"):
        nightly.publish(settings, NIGHT)
    assert hashes(agency) == before
    assert all(result.passed for result in verify(settings))
    assert [p.name for p in settings.warehouse.glob(".*")] == []


def test_what_a_killed_publication_left_is_removed_by_the_next(agency: Agency) -> None:
    settings = agency.settings
    left = settings.warehouse / ".warehouse.duckdb-0123456789abcdef"
    left.write_bytes(b"half of a file")
    nightly.publish(settings, NIGHT)
    assert [p.name for p in settings.warehouse.glob(".*")] == []
    assert (settings.build / "warehouse.duckdb").exists()  # the next build keeps what it can


def test_the_night_again_changes_no_hash_and_is_all_unchanged(agency: Agency) -> None:
    before = hashes(agency)
    report = run_night(agency.settings, NIGHT, quiet=True)
    assert report.statuses == {"unchanged": 3}
    assert hashes(agency) == before


def test_a_read_only_query_can_change_nothing_and_read_no_file(agency: Agency) -> None:
    with connect(agency.settings) as warehouse:
        for query in (
            "delete from core.fct_case",
            "select * from read_csv('/etc/passwd')",
            "copy core.fct_case to 'x.csv'",
            "set enable_external_access = true",
            "install httpfs",
        ):
            with pytest.raises(duckdb.Error):
                warehouse.execute(query)


def test_a_reader_keeps_yesterday_while_the_night_publishes(agency: Agency) -> None:
    with connect(agency.settings) as reader:
        before = reader.execute(
            "select gender, count(*) from core.fct_case group by all"
        ).fetchall()
        report = run_night(agency.settings, SECOND, quiet=True)
        assert report.published == SECOND
        assert (
            reader.execute("select gender, count(*) from core.fct_case group by all").fetchall()
            == before
        )
        assert before == [("feminine", 90)]
    with connect(agency.settings) as reader:
        assert reader.execute("select distinct gender from core.fct_case").fetchall() == [
            ("masculine",)
        ]


def test_every_night_adds_up(agency: Agency) -> None:
    with connect(agency.settings) as warehouse:
        wrong = warehouse.execute(
            "select * from quality.load "
            "where rows_read <> rows_accepted + rows_quarantined + rows_withheld + rows_blank"
        ).fetchall()
        assert wrong == []
        nights = warehouse.execute(
            "select night, count(*) from quality.load group by all order by all"
        ).fetchall()
        assert nights == [(NIGHT, 3), (SECOND, 3)]


def test_verify_passes_and_sees_a_change(agency: Agency) -> None:
    assert all(result.passed for result in verify(agency.settings))
    path = agency.settings.warehouse / "warehouse.duckdb"
    whole = path.read_bytes()
    with duckdb.connect(str(path)) as tampered:
        tampered.execute(
            "delete from core.fct_case where case_key = (select min(case_key) from core.fct_case)"
        )
    assert [r.gate for r in verify(agency.settings) if not r.passed] == ["content_hashes"]
    path.write_bytes(whole)


@pytest.fixture(scope="module")
def built(agency: Agency) -> dict[str, bytes]:
    """The files of a build that would pass all gates."""
    nightly.transform(agency.settings, SECOND)
    files = [p for p in agency.settings.build.iterdir() if p.is_file()]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("break_it", "gate"),
    [
        ("update core.fct_case set gender = 'Anna'", "closed_vocabularies"),
        ("alter table core.fct_case add column note varchar", "closed_vocabularies"),
        ("update quality.load set rows_blank = rows_blank + 1", "row_accounting"),
        ("update core.fct_control set case_key = repeat('0', 32)", "consent"),
        (
            "insert into core.fct_case by name select * replace (repeat('1', 32) as case_key) from core.fct_case limit 1",
            "consent",
        ),
        ("delete from core.fct_case where mission_code < 'CIV'", "volume"),
        (
            "update quality.load set status = 'refused' where mission_code = 'ALB'",
            "failed_missions",
        ),
    ],
)
def test_a_gate_stops_the_publication(
    agency: Agency, built: dict[str, bytes], break_it: str, gate: str
) -> None:
    """Each gate sees the fault it is there for; what is published stays."""
    before = hashes(agency)
    for name, whole in built.items():
        (agency.settings.build / name).write_bytes(whole)
    with Seal.of(agency.settings).opened(
        agency.settings.build / "warehouse.duckdb", False
    ) as broken:
        broken.execute(break_it)
    with pytest.raises(GateFailed) as failed:
        nightly.gates(agency.settings, SECOND)
    assert gate in {r.gate for r in failed.value.results if not r.passed}
    assert "yesterday's warehouse stays" in str(failed.value)
    with pytest.raises(GateFailed):
        nightly.publish(agency.settings, SECOND)
    assert hashes(agency) == before


@pytest.mark.slow
def test_three_publications_are_kept(agency: Agency) -> None:
    kept = agency.settings.warehouse / "kept"
    run_night(agency.settings, SECOND, quiet=True)
    for number in range(4):
        nightly.transform(agency.settings, SECOND)
        nightly.gates(agency.settings, SECOND)
        nightly.publish(agency.settings, SECOND)
        assert len(list(kept.iterdir())) <= 3, number
    with duckdb.connect(str(max(kept.iterdir())), read_only=True) as old:
        assert old.execute("select count(*) from core.fct_case").fetchone() == (90,)


def test_without_a_warehouse_a_query_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(QueryRefusedError, match="counterflow nightly"):
        connect(Agency(tmp_path).settings)


def test_what_analysts_open_can_be_encrypted_too(agency: Agency) -> None:
    """The last test of the module: it turns the setting on, and off again."""
    plain = agency.settings
    settings = replace(plain, encrypt_warehouse=True)
    target = settings.warehouse / "warehouse.duckdb"
    before = hashes(agency)
    nightly.transform(settings, SECOND)
    nightly.gates(settings, SECOND)
    nightly.publish(settings, SECOND)
    assert is_sealed(target)
    assert hashes(agency).keys() == before.keys()
    assert all(result.passed for result in verify(settings))
    with connect(settings) as warehouse:
        assert warehouse.execute("select count(*) from core.fct_case").fetchone() == (90,)
        assert warehouse.execute(
            f"select count(*) from history.fct_case_as_of(date '{NIGHT}')"
        ).fetchone() == (90,)
        for refused in (
            "delete from core.fct_case",
            "select * from read_csv('/etc/passwd')",
            "load '/tmp/any.duckdb_extension'",
        ):
            with pytest.raises(duckdb.Error):
                warehouse.execute(refused)
    key = settings.keys / "warehouse.key"
    assert key.stat().st_mode & 0o777 == 0o600
    with duckdb.connect() as analyst:  # reading needs no extension
        analyst.execute(
            f"attach '{target}' as warehouse (read_only, encryption_key '{key.read_text().strip()}')"
        )
        analyst.execute("use warehouse")
        assert analyst.execute("select count(*) from core.fct_case").fetchone() == (90,)
    assert SECRET not in everything(settings.home, Seal.of(settings))
    nightly.transform(plain, SECOND)  # history goes on from the encrypted file
    nightly.gates(plain, SECOND)
    nightly.publish(plain, SECOND)
    assert not is_sealed(target)
    assert all(result.passed for result in verify(plain))
