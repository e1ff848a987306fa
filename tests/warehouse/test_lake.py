"""What is published as a DuckLake, on a real PostgreSQL and an S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from counterflow import database as database_module
from counterflow import keys, shell
from counterflow.connections import Connection
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse import lake
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from tests.servers.postgres import Postgres, needs_postgres, postgres
from tests.servers.s3 import S3, s3

pytestmark = needs_postgres()
NIGHT = date(2010, 11, 25)
WHO = "c0ffee00"  # a case key that will be withdrawn


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[S3, Postgres, str]]:
    with s3("counterflow") as bucket, postgres() as database:
        yield bucket, database, database.database("counterflow")


@pytest.fixture
def settings(
    tmp_path: Path, servers: tuple[S3, Postgres, str], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    bucket, database, password = servers
    database.run("drop schema if exists lake cascade", "counterflow")
    known = {
        "counterflow_store": Connection("counterflow_store", "aws", "", None, bucket.access_key, bucket.secret_key,
            extra={"endpoint_url": bucket.endpoint, "region_name": "eu-central-1"},
        ),
        "counterflow_database": Connection("counterflow_database", "postgres", database.host, database.port, "counterflow", password,
            schema="counterflow",
        ),
    }  # fmt: skip
    monkeypatch.setattr(database_module, "shared_connection", lambda _, name: known.get(name))
    made = Settings(
        home=tmp_path, exports=tmp_path, missions=tmp_path, encrypt_warehouse=True,
        store=f"s3://{bucket.bucket}/{tmp_path.name}", warehouse_shape="ducklake",
    )  # fmt: skip
    keys.init(made.keys)
    return made


def published(settings: Settings, build_id: str, *cases: str, extra: bool = False) -> Build:
    """A small warehouse in place of what was published."""
    settings.warehouse.mkdir(exist_ok=True)
    path = settings.warehouse / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    seal = Seal.of(settings)
    with seal.opened(path, read_only=False) as connection:
        for schema in ("core", "analysis", "quality", "history"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create table core.fct_case (case_key varchar not null, registered_month date, share double, n bigint)"
        )
        connection.execute(
            "comment on table core.fct_case is 'One row per case. Caveat: it''s few.'"
        )
        connection.execute("comment on column core.fct_case.case_key is 'A pseudonym.'")
        for number, one in enumerate(cases):
            connection.execute(
                "insert into core.fct_case values (?, date '2009-03-01', 0.1 + ?, 7)", [one, number]
            )
        connection.execute("create table quality.load as select 1 as rows_read, [1, 2] as listed")
        connection.execute(
            "create table history.fct_case as select *, date '2010-11-25' as valid_from from core.fct_case"
        )
        connection.execute(
            "create macro history.fct_case_as_of(as_of_night) as table "
            "select * from history.fct_case where valid_from <= as_of_night"
        )
        if extra:
            connection.execute("create table analysis.trends as select 1 as year")
        tables = content_hashes(connection)
    made = Build(NIGHT, build_id, tables, (), 1.0)
    write_manifest(settings.warehouse / MANIFEST, made)
    return made


def bytes_of(settings: Settings, bucket: S3) -> dict[str, bytes]:
    client = bucket.client()
    prefix = (settings.store or "").removeprefix(f"s3://{bucket.bucket}/")
    listed = client.list_objects_v2(Bucket=bucket.bucket, Prefix=prefix).get("Contents", [])
    return {
        one["Key"]: client.get_object(Bucket=bucket.bucket, Key=one["Key"])["Body"].read()
        for one in listed
    }


def catalogue(database: Postgres) -> str:
    """All that PostgreSQL holds of the lake, as text."""
    tables = database.run(
        "select table_name from information_schema.tables where table_schema = 'lake'",
        "counterflow",
    )
    return str([database.run(f'select * from lake."{t}"', "counterflow") for (t,) in tables])


def test_it_holds_what_was_published_with_its_comments_macros_and_hashes(
    settings: Settings, servers: tuple[S3, Postgres, str]
) -> None:
    built = published(settings, "one", "aaaa", WHO, extra=True)
    assert set(lake.follow(settings)) == set(built.tables)
    with lake.opened(settings) as connection:
        assert content_hashes(connection) == built.tables
        assert lake.manifest(connection) == built
        assert connection.execute(
            "select count(*) from history.fct_case_as_of(date '2010-11-25')"
        ).fetchone() == (2,)
        assert connection.execute(
            "select comment from duckdb_tables() where table_name = 'fct_case' and schema_name = 'core'"
        ).fetchone() == ("One row per case. Caveat: it's few.",)
    assert lake.follow(settings) == ()  # a retry: nothing changes
    stored = bytes_of(settings, servers[0])
    assert stored
    assert all(WHO.encode() not in body and body[:4] == b"PARE" for body in stored.values())


def test_a_case_that_was_taken_out_is_in_no_object_and_not_in_the_catalogue(
    settings: Settings, servers: tuple[S3, Postgres, str]
) -> None:
    bucket, database, _ = servers
    published(settings, "one", "aaaa", WHO, extra=True)
    lake.follow(settings)
    assert WHO in catalogue(database)  # as the largest value of a column: so this would show it
    before = bytes_of(settings, bucket)
    built = published(
        settings, "one", "aaaa"
    )  # as a purge leaves it: the same build with fewer rows
    changed = lake.follow(settings)
    assert set(changed) == {"core.fct_case", "history.fct_case"}
    with lake.opened(settings) as connection:
        assert content_hashes(connection) == built.tables  # analysis.trends is gone as well
        versions = connection.execute("select count(*) from lake.snapshots()").fetchone()
    assert versions == (1,)
    after = bytes_of(settings, bucket)
    gone = before.keys() - after.keys()
    assert len(gone) >= 3
    kept = before.keys() & after.keys()
    assert any("quality/load" in key for key in kept)  # what did not change was not written again
    assert WHO not in catalogue(database)


def test_a_reader_sees_the_old_one_or_the_new_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(settings, "one", "aaaa", WHO)
    lake.follow(settings)
    published(settings, "two", "bbbb", "cccc", "dddd", extra=True)

    def killed(*_: object) -> None:
        with lake.opened(settings) as other:  # while the other has written all its tables
            assert content_hashes(other) == first.tables
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lake, "_macros", killed)
        with pytest.raises(KeyboardInterrupt):
            lake.follow(settings)
    with lake.opened(settings) as connection:
        assert content_hashes(connection) == first.tables
    lake.follow(settings)
    with lake.opened(settings) as connection:
        assert lake.manifest(connection).build_id == "two"


def test_what_a_killed_writer_left_in_the_bucket_goes(
    settings: Settings, servers: tuple[S3, Postgres, str]
) -> None:
    published(settings, "one", "aaaa")
    lake.follow(settings)
    bucket = servers[0]
    orphan = "lake/core/fct_case/ducklake-killed.parquet"
    prefix = (settings.store or "").removeprefix(f"s3://{bucket.bucket}/")
    bucket.put(f"{prefix}/{orphan}", b"PARE orphan")
    assert f"{prefix}/{orphan}" in bytes_of(settings, bucket)
    published(settings, "two", "aaaa")
    lake.follow(settings)
    assert f"{prefix}/{orphan}" not in bytes_of(settings, bucket)


def test_who_asks_it_may_read_nothing_else(settings: Settings, tmp_path: Path) -> None:
    published(settings, "one", "aaaa", WHO)
    lake.follow(settings)
    (tmp_path / "x.csv").write_text("a\n1\n")
    with shell.connect(settings) as connection:
        assert connection.execute("select max(case_key) from core.fct_case").fetchone() == (WHO,)
        for query in (
            f"from read_csv('{tmp_path / 'x.csv'}')",
            "delete from core.fct_case",
            "set enable_external_access = true",
            "copy core.fct_case to '/tmp/out.csv'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
        told = str(connection.execute("from duckdb_secrets()").fetchall())
        told += str(connection.execute("from duckdb_settings()").fetchall())
        for name in ("secret", "password", "key_id"):
            assert connection.execute(f"select getvariable('{name}')").fetchone() == (None,)
    store = database_module.shared_connection(settings, "counterflow_store")
    catalogue_ = database_module.shared_connection(settings, "counterflow_database")
    assert store is not None
    assert catalogue_ is not None
    assert store.password not in told
    assert catalogue_.password not in told


def test_what_is_not_reached_is_said_in_our_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(settings, "one", "aaaa")
    lake._make_schema(settings)
    with lake._connect(settings) as connection:
        lake._attach(connection, read_only=False)
    with (
        lake.opened(settings) as connection,
        pytest.raises(lake.LakeRefusedError, match="nothing was published"),
    ):
        lake.manifest(connection)
    find = database_module.shared_connection

    def away(given: Settings, name: str) -> Connection | None:
        found = find(given, name)
        if found is not None and name == "counterflow_database":
            return Connection(name, "postgres", "127.0.0.1", 9, "counterflow", "secret-password")
        return found

    monkeypatch.setattr(database_module, "shared_connection", away)
    with pytest.raises(lake.LakeUnreachableError) as refused:
        lake.follow(settings)
    assert "secret-password" not in str(refused.value)
    assert lake.follow(replace(settings, warehouse_shape="file")) == ()
