"""Several machines that share a store and a database of locks, and nothing else: homes of one process here."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterflow import backups, dropping, keys, keys_airflow, nightly, retention, rotation, store
from counterflow import database as database_module
from counterflow.connections import Connection
from counterflow.erasure import erase
from counterflow.landing import Landing
from counterflow.locks import LockLostError, exclusive, shared
from counterflow.missions import contract_of
from counterflow.rekeying import RotationRefusedError
from counterflow.release import building, deciding
from counterflow.release.verification import listed
from counterflow.sealing import Seal, is_sealed
from counterflow.settings import Settings
from counterflow.store import Store, StoreRefusedError, StoreUnreachableError
from counterflow.warehouse import lake
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from counterflow.warehouse.verification import verify
from tests.release.world import small
from tests.servers.postgres import Postgres, needs_postgres, postgres
from tests.servers.s3 import S3, s3
from tests.support import NIGHT, Agency, case, export

pytestmark = needs_postgres()


@dataclass
class Shared:
    """What the machines share, and the machines: settings that differ in their home alone."""

    root: Path
    agency: Agency
    s3: S3
    database: Postgres
    url: str

    def machine(self, name: str) -> Settings:
        """A machine with its own home and the agency's keys."""
        home = self.root / name
        if not (home / "keys").exists():
            shutil.copytree(self.agency.settings.keys, home / "keys")
        return replace(self.agency.settings, home=home, store=self.url, encrypt_warehouse=True)

    def objects(self) -> dict[str, bytes]:
        """All that is in the bucket."""
        client, found = self.s3.client(), {}
        prefix = self.url.removeprefix(f"s3://{self.s3.bucket}/")
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=self.s3.bucket, Prefix=prefix
        ):
            for one in page.get("Contents", []):
                answer = client.get_object(Bucket=self.s3.bucket, Key=one["Key"])
                found[one["Key"].removeprefix(f"{prefix}/")] = answer["Body"].read()
        return found


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[S3, Postgres, str]]:
    with s3("counterflow") as bucket, postgres() as database:
        yield bucket, database, database.database("counterflow")


@pytest.fixture
def world(
    tmp_path: Path, servers: tuple[S3, Postgres, str], monkeypatch: pytest.MonkeyPatch
) -> Shared:
    bucket, database, password = servers
    agency = Agency(tmp_path / "agency")
    for mission in agency.missions:
        agency.deliver(mission, export())
    keys.init(agency.settings.keys)
    known = {
        "counterflow_store": Connection("counterflow_store", "aws", "", None, bucket.access_key, bucket.secret_key,
            extra={"endpoint_url": bucket.endpoint, "region_name": "eu-central-1"},
        ),
        "counterflow_database": Connection("counterflow_database", "postgres", database.host, database.port, "counterflow", password,
            schema="counterflow",
        ),
    }  # fmt: skip
    monkeypatch.setattr(database_module, "shared_connection", lambda _, name: known.get(name))
    url = f"s3://{bucket.bucket}/{tmp_path.parent.name}-{tmp_path.name}"
    return Shared(tmp_path, agency, bucket, database, url)


def held(settings: Settings) -> None:
    """A machine that has just held every lock knows all that there is."""
    with exclusive(settings.build_lock), shared(settings.landing_lock):
        pass


def landed(one: Settings, other: Settings, night: Any) -> None:
    """All that comes before the build, each step on another machine than the one before."""
    plan = nightly.plan(one, night)
    for machine, mission in zip((other, one) * len(plan.changed), plan.changed, strict=False):
        nightly.ingest(machine, night, mission)
    nightly.validate(other, night)


def hashes(settings: Settings) -> Any:
    made = read_manifest(settings.warehouse / MANIFEST)
    assert made is not None
    return made.night, made.tables


def test_nights_withdrawals_and_erasures_over_machines(world: Shared) -> None:
    """That a night's content is the laptop's is seen in tests/cluster, with a worker that is killed."""
    one, other, third = (
        replace(world.machine(name), warehouse_shape="ducklake")
        for name in ("one", "other", "third")
    )
    landed(one, other, NIGHT)
    # a case withdraws: gone from landing, and from the store
    later = NIGHT + timedelta(days=1)
    rows = [case(n, Withdrawn="20.11.2010" if n == 3 else "") for n in range(30)]
    world.agency.deliver("ALB", export(rows), later)
    before = world.objects()
    landed(other, one, later)
    nightly.transform(one, later)
    gone = set(before) - set(world.objects())
    assert any(key.startswith("landing/ALB/") for key in gone)  # tables with the case
    nightly.gates(other, later)
    nightly.publish(one, later)
    held(third)  # a machine that was never there
    assert hashes(third) == hashes(one)
    assert len(nightly.report(third, later).lines) == 3
    assert {check.gate for check in verify(third) if check.passed} >= {"content_hashes", "ducklake"}
    with lake.opened(third) as shared_by_analysts:
        assert content_hashes(shared_by_analysts) == hashes(third)[1]
        counted = "select count(distinct case_key) from history.fct_case"
        assert shared_by_analysts.execute(counted).fetchone() == (89,)

    # what is in the bucket is sealed, or holds no row; and every object is named by an index
    objects = world.objects()
    of_lake = {key for key in objects if key.startswith("lake/")}
    assert of_lake
    assert all(objects[key][:4] == b"PARE" for key in of_lake)
    named = {key for key in objects if key.endswith(".json")}
    for key in sorted(objects.keys() - named - of_lake):
        part, _, sha256 = key.rpartition("/")
        files = json.loads(objects[f"{part}.json"])["files"]
        paths = [path for path, entry in files.items() if entry.get("sha256") == sha256]
        assert paths, key
        place = third.home / part / paths[0]
        assert place.suffix == ".json" or is_sealed(place), place

    # an erasure on a third machine reaches every other, and the store's bytes
    before = objects
    receipt = erase(third, "BLR", ["A-5"], later)
    assert receipt.records == 1
    after = world.objects()
    for removed in receipt.removed:
        assert removed.before not in {key.rpartition("/")[2] for key in after}
        if not removed.file.startswith(("build/", "releases")):
            assert removed.before in {key.rpartition("/")[2] for key in before}
    with lake.opened(one) as shared_by_analysts:
        assert shared_by_analysts.execute(counted).fetchone() == (88,)
    assert of_lake - after.keys()
    held(one)
    found = {p.relative_to(one.home) for p in one.home.rglob("*.parquet")}
    assert found == {p.relative_to(third.home) for p in third.home.rglob("*.parquet")}
    assert (one.erasures / f"{receipt.receipt}.json").exists()


@dataclass
class Vault:
    """A secrets backend that all machines ask."""

    held: dict[str, str]

    def get_variable(self, key: str) -> str | None:
        return self.held.get(key)


@pytest.fixture
def vault(world: Shared, monkeypatch: pytest.MonkeyPatch) -> Vault:
    from airflow.sdk.execution_time import supervisor

    ring = keys.keyring(world.agency.settings)
    made = Vault(
        {
            "counterflow_master_key": ring.master.hex(),
            "counterflow_linking_key": ring.linking.hex(),
        }
    )
    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: [made])
    keys_airflow.forget()
    return made


def alike(count: int, **more: str) -> bytes:
    """Cases of which many are alike, so that a release has any."""
    return export([case(n, Sex="FM"[n % 5 == 0], **more) for n in range(count)])


@pytest.mark.slow
def test_what_is_no_night_works_over_machines_too(
    world: Shared, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drop, a release, an erasure, a backup, a rotation, retention and a restore, each on another machine."""
    one, other, third, fourth = (
        replace(world.machine(name), key_source="airflow")
        for name in ("one", "other", "third", "fourth")
    )
    for mission in world.agency.missions:
        world.agency.deliver(mission, alike(80))
    # what comes by hand on one machine is landed on another, and then nowhere any more
    by_hand = world.root / f"cases_{NIGHT:%Y%m%d}.zip"
    by_hand.write_bytes(alike(81))
    dropping.drop(one, contract_of(one, "ALB"), by_hand, None)
    assert not any((other.home / "drop").rglob("*"))
    landed(third, other, NIGHT)
    record = Landing(other.landing, "ALB").record(NIGHT)
    assert record is not None
    assert record.rows_read == 81 + 30
    assert not any("sealed" in path for path in files_of(world, "drop/ALB"))
    nightly.transform(one, NIGHT)
    nightly.gates(one, NIGHT)
    nightly.publish(one, NIGHT)
    held(one)
    assert not list((one.home / "drop").rglob("*.sealed"))

    built = building.build(third, small(floor_cases=110))
    deciding.approve(other, built.number, built.digest, "desk")
    with exclusive(fourth.release_lock):
        pass
    assert [row["number"] for row in listed(fourth)][-1:] == ["001"]  # it was never there

    folder = world.root / "backups"
    backups.backup(other, folder)
    receipt = erase(third, "BLR", ["A-5"], NIGHT)  # which did not write that archive
    assert (receipt.records, receipt.untold) == (1, [])
    with pytest.raises(backups.BackupRefusedError, match=r"s3://.* holds landed exports"):
        backups.restore(replace(world.machine("empty"), key_source="airflow"), folder)
    # the bucket and every home are lost; the archive is of before the erasure
    anew = replace(world.machine("anew"), key_source="airflow", store=f"{world.url}-anew")
    assert backups.restore(anew, folder).erased == 1
    second = replace(anew, home=world.root / "second")
    held(second)
    for machine in (fourth, second):
        held(machine)
        assert {check.gate for check in verify(machine) if not check.passed} == set()
        exports = (machine.landing / "BLR").glob("exports/*/case.parquet")
        assert Seal.of(machine).count(*exports) == 79

    with pytest.raises(RotationRefusedError, match="into a secrets backend"):
        rotation.rotate(world.machine("one"))
    vault.held["counterflow_master_key_next"] = "0d" * 32
    before = world.objects()
    with monkeypatch.context() as broken:
        broken.setattr(dropping, "reseal", _fails)
        with pytest.raises(ZeroDivisionError):
            rotation.rotate(one)
    assert world.objects() == before  # others go on under the old key
    assert rotation.rotate(one).exports == 3
    vault.held["counterflow_master_key"] = vault.held.pop("counterflow_master_key_next")
    keys_airflow.forget()
    held(fourth)
    assert {check.gate for check in verify(fourth) if not check.passed} == set()

    swept = retention.enforce(other, NIGHT + timedelta(days=4000))
    assert "kept publications" not in {one.what for one in swept}  # it is what is open
    nights = [key for key in world.objects() if key.startswith("nights/")]
    assert len(nights) == 1  # the newest


def _fails(*_: Any) -> None:
    raise ZeroDivisionError


def files_of(world: Shared, part: str) -> dict[str, Any]:
    """What the store's index says of a part."""
    found: dict[str, Any] = json.loads(world.objects()[f"{part}.json"])["files"]
    return found


def test_a_part_is_seen_whole_or_not_at_all_and_what_a_kill_left_goes(
    world: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = world.machine("one"), world.machine("other")
    nightly.plan(one, NIGHT)
    put, left = Store._replace, []

    def killed(self: Store, part: str, *rest: Any) -> str:
        left.append(part)
        raise KeyboardInterrupt  # as near to a kill as one process comes: objects are there, no index

    monkeypatch.setattr(Store, "_replace", killed)
    with pytest.raises(KeyboardInterrupt):
        nightly.ingest(one, NIGHT, "ALB")
    monkeypatch.setattr(Store, "_replace", put)
    assert set(left) == {"landing/ALB"}
    orphans = {key for key in world.objects() if key.startswith("landing/ALB/")}
    assert len(orphans) > 5

    with shared(other.landing_lock):
        pass
    assert Landing(other.landing, "ALB").whole_exports() == []
    nightly.ingest(other, NIGHT, "ALB")
    index = json.loads(world.objects()["landing/ALB.json"])
    kept = {f"landing/ALB/{entry['sha256']}" for entry in index["files"].values()}
    assert {key for key in world.objects() if key.startswith("landing/ALB/")} == kept

    # the home of the killed one is brought back to what everybody knows
    with shared(one.landing_lock):
        pass
    theirs = {p.name: p.read_bytes() for p in (other.landing / "ALB").rglob("*") if p.is_file()}
    ours = {p.name: p.read_bytes() for p in (one.landing / "ALB").rglob("*") if p.is_file()}
    assert ours == theirs


def test_of_two_that_would_write_one_is_refused(world: Shared) -> None:
    one, other = (Store.of(world.machine(name)) for name in ("one", "other"))
    for name in ("one", "other"):
        path = world.root / name / "landing" / "ALB" / "nights" / "2010-11-25.json"
        path.parent.mkdir(parents=True)
        path.write_text(name)
    one.push("landing")
    with pytest.raises(StoreRefusedError, match="another machine changed landing/ALB"):
        other.push("landing")
    with pytest.raises(StoreRefusedError, match="begin with an empty home"):
        other.pull("landing")
    assert b"one" in world.objects().values()

    third = world.machine("third")
    Store.of(third).pull("landing")
    path = third.landing / "ALB/nights/2010-11-25.json"
    path.write_text("third")
    (world.root / "one/landing/ALB/nights/2010-11-26.json").write_text("one again")
    one.push("landing")
    with pytest.raises(StoreRefusedError, match="another machine changed landing/ALB"):
        Store.of(third).push("landing")
    Store.of(third).pull("landing")
    assert path.read_text() == "one"
    assert sorted(p.name for p in path.parent.iterdir()) == ["2010-11-25.json", "2010-11-26.json"]


def test_what_goes_here_goes_there(world: Shared) -> None:
    one, other = world.machine("one"), world.machine("other")
    folder = one.landing / "ALB" / "exports"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "rows.parquet").write_text(name)
    with shared(one.landing_lock):
        pass
    with shared(other.landing_lock):
        assert len(list(other.landing.glob("ALB/exports/*/rows.parquet"))) == 2
    shutil.rmtree(folder / "a")
    with shared(one.landing_lock):
        assert not (folder / "a").exists() or True
    with shared(one.landing_lock):
        shutil.rmtree(folder / "a", ignore_errors=True)
    with shared(other.landing_lock):
        assert [p.name for p in other.landing.glob("ALB/exports/*")] == ["b"]
    assert b"a" not in world.objects().values()


def test_links_and_modes_and_hidden_folders_of_releases_come_along(world: Shared) -> None:
    one, other = world.machine("one"), world.machine("other")
    with exclusive(one.release_lock):
        inside = one.releases / ".inside" / "001"
        inside.mkdir(parents=True)
        (inside / "members.parquet").write_bytes(b"sealed")
        (inside / "members.parquet").chmod(0o600)
        (one.releases / ".making-002").mkdir()
        (one.releases / ".making-002" / "x").write_bytes(b"unfinished")
    with exclusive(one.build_lock):
        kept = one.warehouse / "kept"
        kept.mkdir(parents=True)
        (one.warehouse / "warehouse.duckdb").write_bytes(b"w")
        os.link(one.warehouse / "warehouse.duckdb", kept / "warehouse-20101125-x.duckdb")
        sources = one.build / "sources" / "case"
        sources.mkdir(parents=True)
        (sources / "ALB.parquet").symlink_to(one.landing / "ALB/exports/e/case.parquet")
        (one.build / "dbt").mkdir()
        (one.build / "dbt" / "log").write_bytes(b"a log")
    with exclusive(other.release_lock), exclusive(other.build_lock):
        found = other.releases / ".inside" / "001" / "members.parquet"
        assert found.stat().st_mode & 0o777 == 0o600
        assert found.parent.parent.stat().st_mode & 0o077 == 0
        link = other.build / "sources" / "case" / "ALB.parquet"
        assert link.readlink() == other.landing / "ALB/exports/e/case.parquet"
        published = other.warehouse / "warehouse.duckdb"
        assert published.samefile(other.warehouse / "kept" / "warehouse-20101125-x.duckdb")
        moment = (one.warehouse / "warehouse.duckdb").stat().st_mtime_ns
        assert published.stat().st_mtime_ns == moment
    assert not (other.releases / ".making-002").exists()
    assert not (other.build / "dbt").exists()


def test_a_lock_holds_over_machines_and_dies_with_its_holder(world: Shared) -> None:
    one, other = world.machine("one"), world.machine("other")
    holding, waiting = threading.Event(), threading.Event()
    order: list[str] = []

    def second() -> None:
        holding.wait()
        waiting.set()
        with exclusive(other.build_lock):
            order.append("other")

    thread = threading.Thread(target=second)
    thread.start()
    with exclusive(one.build_lock):
        holding.set()
        waiting.wait()
        while not locks_waited_for(world.database):
            assert thread.is_alive()
        order.append("one")
    thread.join()
    assert order == ["one", "other"]

    child = multiprocessing.get_context("fork").Process(target=hold_for_ever, args=(one,))
    child.start()
    while not locks_held(world.database):
        assert child.is_alive()
    child.kill()
    child.join()
    with exclusive(other.build_lock):  # nobody gave it back
        pass


def hold_for_ever(settings: Settings) -> None:
    with exclusive(settings.build_lock):
        threading.Event().wait()


def locks_held(database: Postgres) -> int:
    return len(database.run("select 1 from pg_locks where locktype = 'advisory' and granted"))


def locks_waited_for(database: Postgres) -> int:
    return len(database.run("select 1 from pg_locks where locktype = 'advisory' and not granted"))


def test_missions_are_landed_at_the_same_time_and_one_by_one_each(world: Shared) -> None:
    one, other = world.machine("one"), world.machine("other")
    with (
        shared(one.landing_lock, only="ALB"),
        shared(other.landing_lock, only="BLR"),
    ):
        assert locks_held(world.database) == 4
    entered = threading.Event()

    def second() -> None:
        with shared(other.landing_lock, only="ALB"):
            entered.set()

    thread = threading.Thread(target=second)
    with shared(one.landing_lock, only="ALB"):
        thread.start()
        while not locks_waited_for(world.database):
            assert thread.is_alive()
        assert not entered.is_set()
    thread.join()
    assert entered.is_set()


def test_who_lost_the_lock_shares_nothing(world: Shared) -> None:
    one, other = world.machine("one"), world.machine("other")

    def loses_it() -> None:
        with exclusive(one.build_lock):
            one.warehouse.mkdir(parents=True)
            (one.warehouse / "warehouse.duckdb").write_bytes(b"by who lost it")
            world.database.run(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'counterflow'"
            )
            held(other)  # it is free: the session that held it is gone

    with pytest.raises(LockLostError, match="Nothing of this step was shared"):
        loses_it()
    assert b"by who lost it" not in world.objects().values()


def test_a_store_that_keeps_versions_is_refused(world: Shared) -> None:
    client = world.s3.client()
    client.create_bucket(
        Bucket="versions", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    settings = replace(world.machine("one"), store="s3://versions/prefix")
    with pytest.raises(StoreRefusedError, match="turn versioning off"):
        Store.of(settings)


def test_a_store_that_is_not_there_is_said_in_our_words(
    world: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(world.machine("one"), store="s3://no-such-bucket/prefix")
    with pytest.raises((StoreRefusedError, StoreUnreachableError)) as refused:
        nightly.plan(settings, NIGHT)
    assert "s3://no-such-bucket/prefix (COUNTERFLOW_STORE)" in str(refused.value)
    away = Connection("counterflow_store", "aws", "", None, world.s3.access_key, world.s3.secret_key,
        extra={"endpoint_url": "http://127.0.0.1:9", "region_name": "eu-central-1"},
    )  # fmt: skip
    monkeypatch.setattr(database_module, "shared_connection", lambda *_: away)
    settings = replace(settings, store="s3://away/prefix")
    with pytest.raises(StoreUnreachableError, match="is not reached") as unreached:
        Store.of(settings)
    assert world.s3.secret_key not in str(unreached.value) + str(refused.value)
    assert "127.0.0.1" not in str(unreached.value)
    monkeypatch.setattr(database_module, "shared_connection", lambda *_: None)
    with pytest.raises(ValueError, match="COUNTERFLOW_STORE_CONNECTION"):
        nightly.plan(settings, NIGHT)


def test_a_home_of_another_store_is_refused(world: Shared) -> None:
    one = world.machine("one")
    with exclusive(one.build_lock):
        one.erasures.mkdir()
        (one.erasures / "E-1.json").write_text("{}")
    with pytest.raises(StoreRefusedError, match="each store has homes of its own"):
        held(replace(one, store=f"{world.url}-other"))


def test_bytes_that_rotted_in_the_store_are_refused(world: Shared) -> None:
    one = world.machine("one")
    with exclusive(one.build_lock):
        one.erasures.mkdir()
        (one.erasures / "E-1.json").write_text("{}")
    (key,) = [key for key in world.objects() if key.startswith("erasures/")]
    prefix = world.url.removeprefix(f"s3://{world.s3.bucket}/")
    world.s3.put(f"{prefix}/{key}", b"[]")
    with pytest.raises(StoreRefusedError, match="is not what was put there"):
        held(world.machine("other"))


@pytest.mark.parametrize(
    ("url", "encrypted", "said"),
    [
        ("http://bucket/x", "1", "s3://bucket/prefix"),
        ("s3://", "1", "s3://bucket/prefix"),
        ("s3://user:pass@bucket/x", "1", "without keys"),
        ("s3://bucket/x", "0", "COUNTERFLOW_ENCRYPT_WAREHOUSE=1"),
    ],
)
def test_a_store_is_checked_when_it_is_read(
    url: str, encrypted: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFLOW_STORE", url)
    monkeypatch.setenv("COUNTERFLOW_ENCRYPT_WAREHOUSE", encrypted)
    with pytest.raises(ValueError, match=said) as refused:
        Settings.from_env()
    assert "pass@" not in str(refused.value)


def test_a_machine_that_shares_a_store_never_makes_keys(world: Shared) -> None:
    one = world.machine("one")
    shutil.rmtree(one.keys)
    with pytest.raises(keys.KeyRefusedError, match=r"master\.key"):
        nightly.plan(one, NIGHT)
    assert not one.keys.exists()


assert store.MIRROR.startswith(".")
