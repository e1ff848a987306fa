"""A copied DuckDB file is the same file, less what was left out, of which no byte is in it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from counterflow.sealing import BUILD, PUBLISHED, Seal, SealRefusedError, is_sealed
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.rewriting import rewrite

SEAL = Seal(bytes(range(32)), "aaaaaaaa")
GONE, STAYS = "9f" * 16, "1e" * 16


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A plain file with all that a warehouse may hold, and with bytes of what was deleted."""
    path = tmp_path / "source.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute("set force_compression = 'uncompressed'")
        made.execute("create schema core")
        made.execute("create schema quality")
        made.execute(
            "create table core.fct_case (case_key varchar not null, number integer, "
            "primary key (case_key), check (number >= 0))"
        )
        made.execute("insert into core.fct_case values (?, 1), (?, 0)", [GONE, STAYS])
        made.execute("insert into core.fct_case select md5(range::varchar), range from range(5000)")
        made.execute("create table core.change (case_key varchar, into_case_key varchar)")
        made.execute("insert into core.change values (?, ?), (?, null)", [STAYS, GONE, GONE])
        made.execute("create table quality.load (night date, rows integer default 7)")
        made.execute("insert into quality.load values ('2010-11-26', 2), ('2010-11-25', 1)")
        made.execute("create view quality.newest as select max(night) as night from quality.load")
        made.execute("create macro core.twice(x) as x * 2")
        made.execute(
            "create macro core.case_of(k) as table select * from core.fct_case where case_key = k"
        )
        made.execute("comment on table core.fct_case is 'Cases. Caveat: few.'")
        made.execute("comment on column core.fct_case.number is 'A number.'")
        made.execute("comment on view quality.newest is 'The newest.'")
        made.execute("comment on macro table core.case_of is 'A case.'")
        made.execute("create index by_number on core.fct_case (number)")
    return path


def described(path: Path) -> list[object]:
    """All that the catalogue of a file says, and every row in its order."""
    with SEAL.opened(path) as connection:
        queries = (
            "select schema_name, table_name, comment, estimated_size from duckdb_tables() where {}",
            "select schema_name, table_name, column_name, data_type, column_default, comment, is_nullable "
            "from duckdb_columns() where {} and not internal",
            "select schema_name, view_name, comment, sql from duckdb_views() where {} and not internal",
            "select schema_name, function_name, comment, macro_definition from duckdb_functions() where {}",
            "select schema_name, table_name, constraint_text from duckdb_constraints() where {}",
            "select schema_name, table_name, index_name from duckdb_indexes() where {}",
        )
        found: list[object] = [
            connection.execute(
                query.format("database_name = current_database()") + " order by all"
            ).fetchall()
            for query in queries
        ]
        for table in ("core.fct_case", "core.change", "quality.load", "quality.newest"):
            found.append(connection.execute(f"from {table}").fetchall())
        found.append(connection.execute(f"from core.case_of('{STAYS}')").fetchall())
        found.append(connection.execute("select core.twice(4)").fetchall())
        return found


@pytest.mark.parametrize("purpose", [None, BUILD, PUBLISHED])
def test_a_copy_is_the_same_file_and_back(
    tmp_path: Path, source: Path, purpose: str | None
) -> None:
    rewrite(SEAL, source, tmp_path / "there.duckdb", purpose=purpose)
    assert is_sealed(tmp_path / "there.duckdb") is (purpose is not None)
    assert described(tmp_path / "there.duckdb") == described(source)
    rewrite(SEAL, tmp_path / "there.duckdb", tmp_path / "back.duckdb", purpose=None)
    assert described(tmp_path / "back.duckdb") == described(source)
    rewrite(SEAL, tmp_path / "there.duckdb", tmp_path / "again.duckdb")  # as the source is
    assert is_sealed(tmp_path / "again.duckdb") is (purpose is not None)
    assert {p.name for p in tmp_path.iterdir()} == {
        "source.duckdb", "there.duckdb", "back.duckdb", "again.duckdb",
    }  # fmt: skip


def test_a_copy_with_conditions_that_leave_nothing_out_is_the_same_file(
    tmp_path: Path, source: Path
) -> None:
    """The way of copying that can leave rows out loses nothing of the rest, nor its order."""
    rewrite(SEAL, source, tmp_path / "b.duckdb", {'"core"."change"': "true"}, {"case_key": {}})
    assert described(tmp_path / "b.duckdb") == described(source)
    with SEAL.opened(source) as one, SEAL.opened(tmp_path / "b.duckdb") as other:
        assert content_hashes(one) == content_hashes(other)


def test_rows_that_are_left_out_are_in_no_byte(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without compression, so that what is there can be seen to be there."""
    real = Seal.connect

    def connect(seal: Seal) -> duckdb.DuckDBPyConnection:
        connection = real(seal)
        connection.execute("set force_compression = 'uncompressed'")
        return connection

    monkeypatch.setattr(Seal, "connect", connect)
    keep = {
        '"core"."fct_case"': f"t.case_key <> '{GONE}'",
        '"core"."change"': f"t.case_key <> '{GONE}' and t.into_case_key is distinct from '{GONE}'",
    }
    rewrite(SEAL, source, tmp_path / "b.duckdb", keep)
    with duckdb.connect(str(source)) as deleted:  # the positive control: deleting is not enough
        deleted.execute("drop index core.by_number")
        for table, condition in keep.items():
            deleted.execute(f"delete from {table} as t where not coalesce({condition}, false)")
    assert GONE.encode() in source.read_bytes()
    data = (tmp_path / "b.duckdb").read_bytes()
    assert GONE.encode() not in data
    assert STAYS.encode() in data
    with SEAL.opened(tmp_path / "b.duckdb") as left:
        assert left.execute("select count(*) from core.fct_case").fetchone() == (5001,)
        assert left.execute("select count(*) from core.change").fetchone() == (0,)


def test_a_column_is_written_anew_by_a_mapping(tmp_path: Path, source: Path) -> None:
    other, new = "77" * 16, Seal(bytes(32), "bbbbbbbb")
    sealed, target = tmp_path / "sealed.duckdb", tmp_path / "b.duckdb"
    rewrite(SEAL, source, sealed, purpose=BUILD)
    become = {"case_key": {GONE: other}, "into_case_key": {GONE: other}}
    rewrite(new, sealed, target, become=become, old=SEAL)
    with pytest.raises(SealRefusedError):
        SEAL.opened(target)
    with new.opened(target) as rekeyed:
        assert rekeyed.execute("from core.fct_case").fetchmany(2) == [(other, 1), (STAYS, 0)]
        assert rekeyed.execute("from core.change").fetchall() == [(STAYS, other), (other, None)]
        SEAL.attach(rekeyed, source, "plain")
        same = rekeyed.execute(
            "select count(*) from core.fct_case semi join plain.core.fct_case using (case_key)"
        )
        assert same.fetchone() == (5001,)


def test_what_a_killed_run_left_is_replaced(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "b.duckdb"
    target.write_bytes(b"half of a file")
    target.with_name("b.duckdb.wal").write_bytes(b"and its log")
    rewrite(SEAL, source, target, purpose=BUILD)
    assert described(target) == described(source)
    assert not target.with_name("b.duckdb.wal").exists()


def test_a_condition_of_a_table_that_is_not_there_is_refused(tmp_path: Path, source: Path) -> None:
    """Else a name that is misspelt would keep what must go."""
    with pytest.raises(ValueError, match="core"):
        rewrite(SEAL, source, tmp_path / "b.duckdb", {'"core"."fct_cases"': "false"})
