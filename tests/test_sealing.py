"""What is sealed says nothing without its key, and says all of it, in its order, with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow import keys, sealing
from counterflow.sealing import BUILD, PUBLISHED, Seal, SealRefusedError, is_sealed
from counterflow.settings import Settings
from tests.support import Agency, key_forms

PLANTED = "Zxqvella Planted in a cell, longer than a dictionary would shorten"
MASTER, OTHER = bytes(range(32)), bytes(range(1, 33))
SEAL = Seal(MASTER, "aaaaaaaa")
TABLE = pa.table({"name": [PLANTED, None, PLANTED], "number": [3, 1, 2]})
SECRETS = [keys.derive(MASTER, sealing.AGENCY, p) for p in (sealing.LANDING, BUILD, PUBLISHED)]


def holds(path: Path, text: str = PLANTED) -> bool:
    return any(form in path.read_bytes() for form in (text.encode(), text.encode("utf-16-le")))


def database(path: Path, purpose: str | None) -> Path:
    with SEAL.opened(path, read_only=False, purpose=purpose) as made:
        made.execute("create schema core")
        made.execute("create table core.planted as select ? as name, 7 as number", [PLANTED])
    return path


def test_a_planted_cell_is_in_the_bytes_of_plain_files_and_in_none_of_sealed_ones(
    tmp_path: Path,
) -> None:
    pq.write_table(TABLE, tmp_path / "plain.parquet", compression="none")
    SEAL.write(TABLE, tmp_path / "sealed.parquet")
    database(tmp_path / "plain.duckdb", None)
    for purpose in (BUILD, PUBLISHED):
        database(tmp_path / f"{purpose}.duckdb", purpose)
    found = {path.name: (holds(path), is_sealed(path)) for path in tmp_path.iterdir()}
    plain, sealed = (True, False), (False, True)  # the positive control, and what it is for
    assert found == {
        "plain.parquet": plain,
        "plain.duckdb": plain,
        "sealed.parquet": sealed,
        "build.duckdb": sealed,
        "published.duckdb": sealed,
    }


def test_names_of_columns_are_sealed_too(tmp_path: Path) -> None:
    SEAL.write(pa.table({"zxqvella_column": [1]}), tmp_path / "sealed.parquet")
    with SEAL.opened(tmp_path / "sealed.duckdb", read_only=False) as made:
        made.execute("create table zxqvella_table (zxqvella_column integer)")
    for path in tmp_path.iterdir():
        assert not holds(path, "zxqvella"), path


def test_what_was_not_committed_yet_is_sealed(tmp_path: Path) -> None:
    """The write-ahead log, which a killed build leaves behind."""
    path = tmp_path / "build.duckdb"
    script = (
        "import os, sys; from pathlib import Path; from counterflow.sealing import Seal\n"
        f"made = Seal(bytes(range(32)), 'aaaaaaaa').opened(Path({str(path)!r}), False)\n"
        f"made.execute('create table t as select ? as name', [{PLANTED!r}])\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    log = path.with_name("build.duckdb.wal")
    assert log.stat().st_size > 0
    assert not holds(log)
    with SEAL.opened(path) as opened:
        assert opened.execute("select name from t").fetchone() == (PLANTED,)


@pytest.mark.parametrize(
    ("said", "share", "limit"),
    [
        ("4GB", 1.0, "4000000000B"),
        ("4 GiB", 0.25, "1073741824B"),
        ("500MB", 0.25, "250000000B"),  # nobody gets less
        ("80%", 1.0, None),
    ],
)
def test_memory_is_shared(
    said: str, share: float, limit: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFLOW_DUCKDB_MEMORY", said)
    assert sealing.memory(share) == limit


def test_every_connection_is_bounded_and_spills_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFLOW_DUCKDB_MEMORY", "300MB")
    file = database(tmp_path / "build.duckdb", BUILD)
    seal = Seal(MASTER, "aaaaaaaa", tmp_path)
    asked = "select current_setting('memory_limit'), current_setting('temp_directory')"
    with seal.connect() as first, seal.opened(file) as second:
        limits, folders = zip(*(c.sql(asked).fetchall()[0] for c in (first, second)), strict=True)
    assert limits == ("286.1 MiB",) * 2
    assert len(set(folders)) == 2
    assert all(folder.startswith(str(tmp_path / sealing.SPILL)) for folder in folders)


@pytest.mark.parametrize("encrypted", [True, False])
def test_what_does_not_fit_into_memory_is_sealed(tmp_path: Path, encrypted: bool) -> None:
    with SEAL.opened(database(tmp_path / "build.duckdb", BUILD)) as connection:
        if not encrypted:  # the positive control
            connection.execute("set temp_file_encryption = false")
        connection.execute("set threads = 1")
        connection.execute("set memory_limit = '60MB'")
        connection.execute(
            "create temp table t as select md5(range::varchar) || ? || md5((range + 7)::varchar) as a "
            "from range(700000)",
            [PLANTED],
        )
        spilled = [file.read_bytes() for file in tmp_path.glob(f"{sealing.SPILL}-*/*")]
    assert sum(map(len, spilled)) > 1_000_000
    assert any(PLANTED.encode() in data for data in spilled) is not encrypted
    assert not list(tmp_path.glob(f"{sealing.SPILL}*"))


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(codec="utf-8")),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.dates(date(1, 1, 1)),
            st.none() | st.booleans(),
            st.none() | st.floats(allow_nan=False),
        ),
        max_size=30,
    )
)
def test_a_table_comes_back_as_it_was(rows: list[tuple[Any, ...]]) -> None:
    types = [pa.string(), pa.int64(), pa.date32(), pa.bool_(), pa.float64()]
    columns = zip(*rows, strict=True) if rows else [()] * 5
    arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
    table = pa.table(arrays, names=["text", "number", "day", "said", "share"])
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"sealed-{os.getpid()}.parquet"
    try:
        SEAL.write(table, path)
        assert SEAL.read(path).equals(table)
        assert SEAL.schema(path).equals(table.schema)
        assert SEAL.count(path) == len(rows)
        assert SEAL.read(path, ["day", "text"]).equals(table.select(["day", "text"]))
    finally:
        path.unlink(missing_ok=True)


def test_many_rows_keep_their_order(tmp_path: Path) -> None:
    table = pa.table({"number": range(400_000), "name": [f"row {n % 977}" for n in range(400_000)]})
    SEAL.write(table, tmp_path / "many.parquet")
    assert SEAL.read(tmp_path / "many.parquet").equals(table)


def test_the_same_table_gives_other_bytes_each_time(tmp_path: Path) -> None:
    for name in "ab":
        SEAL.write(TABLE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()
    assert SEAL.read(tmp_path / "a").equals(SEAL.read(tmp_path / "b"))


def open_parquet(seal: Seal, folder: Path) -> object:
    SEAL.write(TABLE, folder / "x.parquet")
    return seal.read(folder / "x.parquet")


def open_database(seal: Seal, folder: Path) -> object:
    return seal.opened(database(folder / "x.duckdb", BUILD))


@pytest.mark.parametrize("opening", [open_parquet, open_database])
def test_another_key_is_refused_in_one_line_without_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, opening: Callable[[Seal, Path], object]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SealRefusedError) as refused:
        opening(Seal(OTHER, "bbbbbbbb"), tmp_path)
    said = str(refused.value)
    assert "does not open with the key bbbbbbbb" in said
    assert "key_refused.md" in said
    assert "\n" not in said
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    secrets = [keys.derive(OTHER, sealing.AGENCY, p) for p in (sealing.LANDING, BUILD, PUBLISHED)]
    for form in key_forms(*secrets, OTHER):
        assert form not in (said + caplog.text).encode()


def test_each_kind_of_file_has_a_key_of_its_own(tmp_path: Path) -> None:
    """An analyst's key opens what is published, and not the build."""
    for purpose, opens in ((PUBLISHED, True), (BUILD, False)):
        path = database(tmp_path / f"{purpose}.duckdb", purpose)
        with duckdb.connect() as connection:
            text = f"attach '{path}' as w (read_only, encryption_key ?)"
            if opens:
                connection.execute(text, [SEAL.analysts_key()])
                assert connection.execute("select number from w.core.planted").fetchone() == (7,)
            else:
                with pytest.raises(duckdb.Error):
                    connection.execute(text, [SEAL.analysts_key()])


@pytest.mark.parametrize(
    "damage", [lambda d: d[:100], lambda d: d[:-40] + bytes(40), lambda d: b""]
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.parquet"
    SEAL.write(TABLE, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SealRefusedError, match=r"x\.parquet"):
        SEAL.read(path)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    """Encryption is authenticated: nobody can change a file without the key.

    And some damage makes DuckDB refuse all that comes after it: no other mission's file suffers.
    """
    path, other = tmp_path / "x.parquet", tmp_path / "other.parquet"
    SEAL.write(TABLE, path)
    SEAL.write(TABLE, other)
    whole = path.read_bytes()
    for place in range(4, len(whole), 3):  # the first four say that it is encrypted
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(SealRefusedError):
            SEAL.read(path)
        assert SEAL.read(other).equals(TABLE)


def test_a_plain_file_is_not_taken_for_a_landed_one(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "x.parquet")
    with pytest.raises(SealRefusedError, match="is not encrypted"):
        SEAL.read(tmp_path / "x.parquet")


def test_a_missing_file_and_column_are_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"x\.parquet is missing"):
        SEAL.read(tmp_path / "x.parquet")
    SEAL.write(TABLE, tmp_path / "x.parquet")
    with pytest.raises(SealRefusedError, match="lacks a column"):
        SEAL.read(tmp_path / "x.parquet", ["nobody"])
    with pytest.raises(OSError, match="cannot be written"):
        SEAL.write(TABLE, tmp_path / "none" / "x.parquet")


def test_a_path_with_a_quotation_mark_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "Cote d'Ivoire"
    folder.mkdir()
    SEAL.write(TABLE, folder / "x.parquet")
    assert SEAL.read(folder / "x.parquet").equals(TABLE)
    with SEAL.opened(database(folder / "x.duckdb", BUILD)) as opened:
        assert opened.execute("select number from core.planted").fetchone() == (7,)


def test_neither_a_stored_view_nor_a_setting_holds_a_key(tmp_path: Path) -> None:
    SEAL.write(TABLE, tmp_path / "x.parquet")
    path = tmp_path / "x.duckdb"
    with SEAL.opened(path, read_only=False) as made:
        SEAL.prepare(made)
        made.execute(
            f"create view v as select * from read_parquet('{tmp_path}/x.parquet', {sealing.KEY})"
        )
        assert made.execute("select sum(number) from v").fetchone() == (6,)
        told = "".join(
            str(made.execute(f"select * from {listing}()").fetchall())
            for listing in (
                "duckdb_views", "duckdb_settings", "duckdb_databases", "duckdb_variables", "duckdb_secrets",
                "duckdb_logs",
            )
        )  # fmt: skip
    assert "encryption_config" in told  # the view, as it is stored
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as x (read_only, encryption_key ?)", [key(BUILD)])
        told += str(connection.execute("select sql from duckdb_views()").fetchall())
    for form in key_forms(*SECRETS, MASTER):
        assert form not in told.encode()


def key(purpose: str) -> str:
    return SEAL._keys[purpose]


def test_a_seal_is_neither_shown_nor_handed_on(tmp_path: Path) -> None:
    import pickle

    told = repr(SEAL) + str(SEAL) + repr({"seal": SEAL})
    assert "Seal(aaaaaaaa)" in told
    for form in key_forms(*SECRETS, MASTER):
        assert form not in told.encode()
    with pytest.raises(TypeError):
        pickle.dumps(SEAL)


def test_a_lost_key_refuses_everything(tmp_path: Path) -> None:
    with pytest.raises(keys.KeyRefusedError):
        Seal.of(Agency(tmp_path).settings)


def test_only_a_clear_word_leaves_what_is_published_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, encrypted in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("COUNTERFLOW_ENCRYPT_WAREHOUSE", text)
        assert Settings.from_env().encrypt_warehouse is encrypted
    monkeypatch.setenv("COUNTERFLOW_ENCRYPT_WAREHOUSE", "yes")
    with pytest.raises(ValueError, match="COUNTERFLOW_ENCRYPT_WAREHOUSE is `1`"):
        Settings.from_env()


def test_dbts_sources_name_the_key_as_connections_know_it() -> None:
    text = (Settings.from_env().dbt_project / "models/staging/_sources.yml").read_text("utf-8")
    places = [line for line in text.splitlines() if "read_parquet" in line]
    assert places
    assert all(sealing.KEY in line and "union_by_name" not in line for line in places)


def test_a_fork_opens_files_for_itself(tmp_path: Path) -> None:
    """Airflow forks its tasks: a child neither waits for its parent's threads nor uses its connection."""
    SEAL.write(TABLE, tmp_path / "x.parquet")
    assert SEAL.read(tmp_path / "x.parquet").equals(TABLE)  # the parent has a connection now
    for number in range(4):
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # rather die than hang
            try:
                good = SEAL.read(tmp_path / "x.parquet").equals(TABLE)
                SEAL.write(TABLE, tmp_path / f"{number}.parquet")
                os._exit(0 if good else 1)
            except BaseException:  # noqa: BLE001 - nothing of pytest may go on in the child
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert SEAL.read(tmp_path / f"{number}.parquet").equals(TABLE)
    assert SEAL.read(tmp_path / "x.parquet").equals(TABLE)


def test_a_forked_process_ends_by_itself(tmp_path: Path) -> None:
    """Python closes all connections as it ends: a child must not wait for what only its parent has."""
    SEAL.write(TABLE, tmp_path / "x.parquet")
    script = (
        "import os, sys; from pathlib import Path; from counterflow.sealing import Seal\n"
        f"seal, path = Seal(bytes(range(32)), 'aaaaaaaa'), Path({str(tmp_path / 'x.parquet')!r})\n"
        "assert seal.count(path) == 3\n"
        "child = os.fork()\n"
        "assert seal.count(path) == 3\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=120, cwd=tmp_path)
    assert done.returncode == 0


def test_threads_read_and_write_at_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                table = pa.table({"number": [number, turn]})
                SEAL.write(table, tmp_path / f"{number}.parquet")
                assert SEAL.read(tmp_path / f"{number}.parquet").equals(table)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_nothing_is_installed_where_the_user_keeps_extensions(tmp_path: Path) -> None:
    """A home that cannot be written, as in a container, is enough; and nothing is downloaded."""
    script = (
        "from pathlib import Path; import pyarrow as pa; from counterflow.sealing import Seal\n"
        f"Seal(bytes(32), 'x').write(pa.table({{'a': [1]}}), Path({str(tmp_path / 'x.parquet')!r}))\n"
    )
    home = tmp_path / "user"
    home.mkdir()
    environment = os.environ | {"HOME": str(home)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd=tmp_path)
    assert list(home.rglob("*")) == []
    assert is_sealed(tmp_path / "x.parquet")
