"""The tables of an export are written part by part, and are whole or not there."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from counterflow import ingest, isolation, nightly
from counterflow.growing import LandedFiles
from counterflow.ingest import ROWS_SCHEMA, Part
from counterflow.landing import Landing, columns_digest
from counterflow.sealing import Seal
from tests.support import KEYRING, NIGHT, Agency, export

SEAL = Seal(KEYRING.master, KEYRING.key_id)


def part(*numbers: int) -> Part:
    rows = pa.table([["ALB"] * len(numbers), ["case"] * len(numbers), numbers, [f"{n:032}" for n in numbers]], schema=ROWS_SCHEMA)  # fmt: skip
    tables = {"case": pa.table({"n": pa.array(numbers, pa.int64())}), "none": pa.table({"d": pa.array([], pa.date32())})}  # fmt: skip
    return Part(tables, rows)


def add(files: LandedFiles, numbers: Iterable[int]) -> None:
    for number in numbers:
        files.add(part(number))


def writers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("write ")]


@pytest.mark.parametrize("parts", [[(3, 1, 2)], [(3, 1), (), (2,)], [(), ()]])
def test_parts_are_one_file_a_table(tmp_path: Path, parts: list[tuple[int, ...]]) -> None:
    files = LandedFiles(SEAL, tmp_path)
    for numbers in parts:
        files.add(part(*numbers))
    signals = pa.table({"s": ["x"]})
    columns = files.end(signals=signals)
    found = [n for numbers in parts for n in numbers]
    assert SEAL.read(tmp_path / "case.parquet").column("n").to_pylist() == found
    assert SEAL.read(tmp_path / "rows.parquet").schema == ROWS_SCHEMA
    assert SEAL.read(tmp_path / "none.parquet").num_rows == 0
    assert columns == {path.stem: columns_digest(SEAL.schema(path)) for path in tmp_path.iterdir()}
    assert files.rows == len(found)
    assert writers() == []


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    files = LandedFiles(SEAL, tmp_path / "is not there")
    with pytest.raises(OSError, match=r"cannot be written|No such file"):
        add(files, range(100))
    files.stop()
    assert writers() == []


def test_what_is_stopped_leaves_no_thread(tmp_path: Path) -> None:
    files = LandedFiles(SEAL, tmp_path)
    add(files, range(3))
    assert writers() != []
    files.stop()
    assert writers() == []


def test_an_export_in_parts_lands_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = []
    for name in ("whole", "parts"):
        agency = Agency(tmp_path / name, ("ALB",))
        agency.deliver("ALB", export())
        if name == "parts":
            monkeypatch.setattr(ingest, "Reading", partial(ingest.Reading, part=300))
            monkeypatch.setattr(isolation, "PART", 300)
        nightly.plan(agency.settings, NIGHT)
        assert nightly.ingest(agency.settings, NIGHT, "ALB").status == "landed"
        landing = Landing(agency.settings.landing, "ALB")
        record = landing.record(NIGHT)
        assert record is not None
        folder = landing.path(record.tried or "")
        assert [p.name for p in folder.parent.iterdir()] == [folder.name]
        seal = Seal.of(agency.settings)
        found = {}
        for path in sorted(folder.glob("*.parquet")):
            rows = seal.read(path).drop_columns([c for c in ("case_key", "key_id", "suppression_token") if c in seal.schema(path).names]).to_pylist()  # fmt: skip
            found[path.name] = sorted(rows, key=str)
        outcome = landing.outcome(folder.name)
        assert outcome is not None
        landed.append((found, outcome.columns, outcome.rows_landed, outcome.withheld))
    assert landed[0] == landed[1]
