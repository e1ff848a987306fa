"""The leak gate on a built warehouse: each fault that is planted is named, by table, column and count, never by value."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from counterflow import consent, nightly
from counterflow.sealing import Seal
from counterflow.settings import PROJECT
from counterflow.warehouse import gates
from counterflow.warehouse.leaks import Looked
from counterflow.warehouse.verification import verify
from counterflow.warehouse.vocabulary import Vocabulary
from tests.support import NIGHT, Agency, case, export

NAME = "Zxqvella"
SEASONAL = """\
    local:
      seasonal:
        from: Seasonal
        label: Left for seasonal work
        codes: {S: went_every_year, N: never_went}
    personal: [Name, Phone]
"""
Plant = Callable[..., dict[str, list[str]]]


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """One mission, one night, published; a second night on which a second export is refused is built."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB",))
    made.contract("ALB", "    personal: [Name, Phone]\n", SEASONAL)
    columns = (*export.__defaults__[2], "Seasonal") if export.__defaults__ else ()
    cases = [case(n, Seasonal="SN"[n % 2], Sex="F" if n else "x") for n in range(30)]
    made.deliver("ALB", export(cases, columns=columns))
    settings = made.settings
    for mission in nightly.plan(settings, NIGHT).changed:
        nightly.ingest(settings, NIGHT, mission)
    nightly.validate(settings, NIGHT)
    nightly.transform(settings, NIGHT)
    nightly.gates(settings, NIGHT)
    return made


@pytest.fixture(scope="module")
def whole(agency: Agency, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built files as they were."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("warehouse.duckdb", "scratch.duckdb"):
        shutil.copyfile(agency.settings.build / name, folder / name)
    return folder


def _plant(
    agency: Agency, whole: Path, folder: Path, statements: str, alone: bool
) -> dict[str, list[str]]:
    """Run statements on a copy of the build, and ask the three gates: what each says."""
    path = folder / "warehouse.duckdb"
    shutil.copyfile(whole / path.name, path)
    seal = Seal.of(agency.settings)
    with seal.opened(path, read_only=False) as broken:
        broken.execute(statements)
    with seal.opened(path) as connection:
        _attach(connection, agency, whole)
        vocabulary = Vocabulary(agency.settings.missions, None if alone else connection)
        looked = Looked(connection, vocabulary, NIGHT)
        found = {
            "schema": looked.schema(),
            "closed": looked.closed(),
            "patterns": looked.patterns(),
        }
    assert NAME.casefold() not in str(found).casefold()
    return found


def _attach(connection: duckdb.DuckDBPyConnection, agency: Agency, whole: Path) -> None:
    seal = Seal.of(agency.settings)
    seal.prepare(connection)
    seal.attach(connection, whole / "scratch.duckdb", "scratch")
    connection.execute(f"set file_search_path = '{agency.settings.build}'")


@pytest.fixture
def plant(agency: Agency, whole: Path, tmp_path: Path) -> Plant:
    """Run statements on a copy of the build: what the gates say."""
    return lambda statements, alone=False: _plant(agency, whole, tmp_path, statements, alone)


def test_what_was_built_passes_with_and_without_scratch(plant: Plant) -> None:
    clean: dict[str, list[str]] = {"schema": [], "closed": [], "patterns": []}
    assert plant("select 1") == clean
    assert plant("select 1", alone=True) == clean


FIRST = "case_key = (select min(case_key) from core.fct_case)"

# statement → gate, words of the problem. What touches one column stands in different batches.
PLANTED = [
    # the schema
    ("create schema notes", "schema", "1 schemas"),
    (f"create table core.people as select '{NAME}' as who", "schema", "core.people is no table"),
    (f"create table main.people as select '{NAME}' as who", "schema", "main.people is no table"),
    (f"create view core.people as select '{NAME}' as who", "schema", "1 views"),
    ("alter table core.fct_case add column note varchar", "schema", "core.fct_case.note is no column"),
    ("alter table core.fct_case rename column gender to sex", "schema", "core.fct_case.gender is missing"),
    ("drop table core.fct_event", "schema", "core.fct_event is missing"),
    ("alter table core.fct_route_leg alter column year type varchar", "schema", "core.fct_route_leg.year is VARCHAR"),
    (f"create macro core.who() as '{NAME}'", "schema", "core.who is no macro"),
    (f"create or replace macro analysis.rate(asked, by := 'all') as table select '{NAME}'", "schema", "holds 1 texts"),
    ("create or replace macro analysis.rate(asked) as table select 1", "schema", "other parameters"),
    (f"comment on table core.fct_case is 'of {NAME}'", "schema", "core.fct_case has a comment"),
    (f"comment on column core.fct_case.gender is 'of {NAME}'", "schema", "core.fct_case has 1 comments"),
    (f"comment on macro table analysis.rate is 'of {NAME}'", "schema", "a comment that is not ours"),
    (f"create type core.who as enum ('{NAME}')", "schema", "1 types"),
    ("create sequence core.number", "schema", "1 sequences"),
    (f"alter table core.fct_referral alter column reason set default '{NAME}'", "schema", "1 defaults"),
    ("create index place on core.fct_event (country)", "schema", "1 indexes"),
    # vocabularies of the facts
    (f"update core.fct_case set gender = '{NAME}' where {FIRST}", "closed", "1 values of core.fct_case.gender are"),
    (f"update core.fct_case set citizenship = '{NAME}'", "closed", "29 values of core.fct_case.citizenship are"),
    ("update core.fct_case set citizenship = 'XXX'", "closed", "of core.fct_case.citizenship are"),
    (f"update core.fct_control set case_key = '{NAME}' where {FIRST}", "closed", "values of core.fct_control.case_key are no key"),
    (f"update core.fct_local_attribute set value = '{NAME}'", "closed", "of core.fct_local_attribute.value are"),
    (f"update core.fct_local_attribute set label = '{NAME}'", "closed", "of core.fct_local_attribute.label are"),
    (f"update core.dim_mission set mission_name = '{NAME}'", "closed", "1 values of core.dim_mission.mission_name are"),
    (f"update core.dim_mission set steward = '{NAME}'", "closed", "1 values of core.dim_mission.steward are"),
    (f"update core.dim_code set label = '{NAME}' where code = 'ngo'", "closed", "values of core.dim_code.label are"),
    (f"update core.dim_country set country_name = '{NAME}' where country_code = 'MDA'", "closed", "1 values of core.dim_country.country_name are"),
    (f"update core.dim_form_question set note = 'said {NAME}'", "closed", "of core.dim_form_question.note are"),
    (f"update core.fct_case set form_version = '{NAME}'", "closed", "29 values of core.fct_case.form_version are"),
    (f"update history.fct_case set gender = '{NAME}' where {FIRST}", "closed", "1 values of history.fct_case.gender are"),
    (f"update history.case_change set change = '{NAME}' where {FIRST}", "closed", "1 values of history.case_change.change are"),
    # and of what is made of them
    (f"insert into analysis.trends by name select * replace ('{NAME}' as value) from analysis.trends limit 1", "closed", "1 values of analysis.trends.value are"),
    (f"update analysis.profiles set group_value = '{NAME}' where group_value = 'all'", "closed", "of analysis.profiles.group_value are"),
    (f"update analysis.myths set statement = '{NAME}' where myth = 'only_women'", "closed", "1 values of analysis.myths.statement are"),
    (f"update analysis.caveat set caveat = 'but {NAME}' where table_name = 'core.fct_case'", "closed", "1 values of analysis.caveat.caveat are"),
    (f"update analysis.representation set reference_source = '{NAME}'", "closed", "of analysis.representation.reference_source are"),
    (f"update quality.load set message = 'ALB: export refused (no_rows): {NAME} is not there. Ask the mission.'", "closed", "1 values of quality.load.message are"),
    (f"update quality.load set message = 'ALB: there is no column `{NAME}`'", "closed", "1 values of quality.load.message are"),
    (f"update quality.issue set detail = '{NAME}, up to 16 characters' where kind = 'unmapped_code'", "closed", "1 values of quality.issue.detail are"),
    (f"update quality.issue set field = '{NAME}' where kind = 'unmapped_code'", "closed", "1 values of quality.issue.field are"),
    (f"update quality.issue set kind = '{NAME}' where kind = 'unmapped_code'", "closed", "1 values of quality.issue.kind are"),
    (f"update quality.rule_result set rule_id = 'case.{NAME}' where rule_id = 'case.key_repeat'", "closed", "1 values of quality.rule_result.rule_id are"),
    (f"update quality.comparability set note = '{NAME}' where field = 'case.gender'", "closed", "of quality.comparability.note are"),
    (f"update quality.dbt_result set name = 'test_{NAME}' where name = 'fct_case'", "closed", "1 values of quality.dbt_result.name are"),
    (f"""update quality.score set components = '{{"{NAME}":1.0}}'""", "closed", "1 values of quality.score.components are"),
    # numbers and dates
    ("update core.fct_case set registered_month = date '2009-03-12' where registered_month is not null", "closed", "of core.fct_case.registered_month are no month"),
    ("update core.fct_case set registered_month = date '2031-01-01'", "closed", "29 values of core.fct_case.registered_month are no month"),
    ("update core.fct_case set loaded_night = date '1985-02-01'", "closed", "29 values of core.fct_case.loaded_night are no night"),
    ("update history.fct_case set valid_from = date '2010-11-24'", "closed", "of history.fct_case.valid_from are no night"),
    ("update core.fct_case set registration_year = 60012345", "closed", "29 values of core.fct_case.registration_year are no year"),
    ("insert into core.fct_route_leg by name select case_key, 60012345 as leg_number from core.fct_case limit 1", "closed", "1 values of core.fct_route_leg.leg_number are no ordinal"),
    ("update quality.load set rows_read = -1", "closed", "1 values of quality.load.rows_read are no count"),
    ("update quality.score set score = 'nan'", "closed", "1 values of quality.score.score are no number"),
    # shapes
    ("update quality.load set message = 'ask 069 123 456'", "patterns", "1 values of quality.load.message look like personal data (telephone)"),
    ("update quality.load set message = 'ALB: born on 12.03.1985'", "patterns", "1 values of quality.load.message look like personal data (date)"),
    ("update quality.issue set detail = 'anna@mail.example' where kind = 'unmapped_code'", "patterns", "1 values of quality.issue.detail look like personal data (e-mail)"),
    ("update core.fct_case set gender = '٠٦٩١٢٣٤٥٦'", "patterns", "29 values of core.fct_case.gender look like personal data (telephone)"),
    ("update core.dim_mission set mission_name = 'MD24AG000225100013104168'", "patterns", "look like personal data (account)"),
    ("comment on column core.fct_case.gender is 'of A 1234567'", "patterns", "the comment of core.fct_case.gender looks like personal data (document)"),
    ("create or replace macro analysis.rate(asked, by := 'all') as table select '+373 600 12345'", "patterns", "the macro analysis.rate holds personal data (telephone)"),
]  # fmt: skip


def _batches() -> list[list[tuple[str, str, str]]]:
    """The plants in as few copies as can hold them: two that touch one column stand apart."""
    batches: list[tuple[set[str], list[tuple[str, str, str]]]] = []
    for one in PLANTED:
        touched = set(
            re.findall(
                r"(?:core|analysis|quality|history|main)\.\w+(?:\.\w+)?", one[0] + " " + one[2]
            )
        )
        touched |= {
            name.rpartition(".")[0]
            for name in touched
            if name.count(".") == 2 and one[1] == "schema"
        }
        touched -= {"core.fct_case"} if one[1] == "closed" else set()
        for taken, batch in batches:
            if not taken & touched:
                taken |= touched
                batch.append(one)
                break
        else:
            batches.append((touched, [one]))
    return [batch for _, batch in batches]


@pytest.fixture(scope="module")
def planted(
    agency: Agency, whole: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, bool], dict[str, list[str]]]:
    """What the gates say, by statement and whether they had the published file alone."""
    found = {}
    for batch in _batches():
        statements = "; ".join(statement for statement, _, _ in batch)
        folder = tmp_path_factory.mktemp("batch")
        for alone in (False, True):
            said = _plant(agency, whole, folder, statements, alone)
            found |= {(statement, alone): said for statement, _, _ in batch}
    return found


@pytest.mark.parametrize(("statement", "gate", "said"), PLANTED, ids=[p[0][:70] for p in PLANTED])
def test_what_is_planted_is_named(
    planted: dict[tuple[str, bool], dict[str, list[str]]], statement: str, gate: str, said: str
) -> None:
    found = planted[statement, False][gate]
    assert any(said in problem for problem in found), found
    # what is quoted, coded locally or said by a contract is known from the contracts only
    if not any(
        text in statement for text in ("column `", "local_attribute", "note = ", "_name = 'Zx")
    ):
        found = planted[statement, True][gate]
        assert any(said in problem for problem in found), found


def test_the_plants_are_many_and_the_copies_few() -> None:
    assert sum(map(len, _batches())) == len(PLANTED) > 60
    assert len(_batches()) <= 12


def test_each_text_column_of_each_table_is_asked(plant: Plant, agency: Agency, whole: Path) -> None:
    """A name in any text column of any published table is found: there is no column that nobody looks at."""
    with Seal.of(agency.settings).opened(whole / "warehouse.duckdb") as connection:
        columns = connection.execute(
            "select schema_name || '.' || table_name, list(column_name order by column_index) "
            "from duckdb_columns() where data_type = 'VARCHAR' and schema_name in ('core', 'analysis', 'quality', 'history') "
            "group by all order by all"
        ).fetchall()
    assert sum(len(names) for _, names in columns) > 300
    statements = []
    for table, names in columns:
        texts = ", ".join(f"'{NAME}' as \"{name}\"" for name in names)
        statements.append(
            f"create table {table}_x as select * from {table} limit 0; "
            f"insert into {table}_x by name select {texts}; drop table {table}; "
            f"alter table {table}_x rename to {table.partition('.')[2]}"
        )
    found = plant("; ".join(statements))["closed"]
    for table, names in columns:
        for name in names:
            assert any(f" {table}.{name} are" in problem for problem in found), f"{table}.{name}"


def test_a_text_of_a_past_night_that_its_contract_lost_is_allowed_if_it_was_published(
    agency: Agency, whole: Path, tmp_path: Path
) -> None:
    """The map of a local attribute lost a code; the nights that held it passed when they were published."""
    old, new = tmp_path / "published.duckdb", tmp_path / "warehouse.duckdb"
    for path in (old, new):
        shutil.copyfile(whole / "warehouse.duckdb", path)
    lost = "update {}.fct_local_attribute set value = 'went_twice'"
    seal = Seal.of(agency.settings)
    with seal.opened(new, read_only=False) as built:
        built.execute(lost.format("history"))
    for held in (False, True):
        if held:
            with seal.opened(old, read_only=False) as published:
                published.execute(lost.format("history"))
        with seal.opened(new) as connection:
            _attach(connection, agency, whole)
            seal.attach(connection, old, "published")
            looked = Looked(connection, Vocabulary(agency.settings.missions, connection), NIGHT)
            found = looked.closed("published")
        assert (found == []) is held, found


def test_a_gate_that_cannot_run_fails(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> list[str]:
        raise ValueError(f"it is {NAME}")

    monkeypatch.setattr(Looked, "patterns", broken)
    with pytest.raises(gates.GateFailed) as failed:
        gates.run_gates(agency.settings, NIGHT)
    assert [r.gate for r in failed.value.results if not r.passed] == ["leak_patterns"]
    assert "could not be run (ValueError)" in str(failed.value)
    assert NAME not in str(failed.value)


def test_verify_asks_the_same_of_what_is_published(agency: Agency) -> None:
    settings = agency.settings
    nightly.gates(settings, NIGHT)
    nightly.publish(settings, NIGHT)
    results = {result.gate: result for result in verify(settings)}
    assert all(result.passed for result in results.values()), results
    assert {"schema_allow_list", "closed_vocabularies", "leak_patterns"} < set(results)
    with duckdb.connect(str(settings.warehouse / "warehouse.duckdb")) as tampered:
        tampered.execute(f"update core.fct_case set gender = '{NAME}'")
        tampered.execute("comment on table core.fct_case is 'call 069123456'")
    failed = {result.gate for result in verify(settings) if not result.passed}
    assert failed == {"content_hashes", "schema_allow_list", "closed_vocabularies", "leak_patterns"}


def test_no_column_is_closed_by_a_vocabulary_that_is_none() -> None:
    vocabulary = Vocabulary(PROJECT / "dags" / "missions")
    for holds in ("", "anything", "codes", "lists", "list:shoes"):
        assert vocabulary.foreign(holds, {"Anna"}) is None, holds


def test_signals_are_about_fields_of_ours_and_columns_of_consent() -> None:
    vocabulary = Vocabulary(PROJECT / "dags" / "missions")
    ours = {"", "gender", "registered_on", *consent.FIELDS}
    assert vocabulary.foreign("issue_field", ours) == set()
    typed = {
        f"consent.{NAME}",
        "consent.",
        "consent.scope.photographs",
        "consent.a b",
        "Anna Maria",
    }
    assert vocabulary.foreign("issue_field", typed) == typed
