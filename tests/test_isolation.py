"""An export is read in a process of its own: what becomes of it there is told in one line, and stops nobody else."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from counterflow import isolation, nightly
from counterflow.contracts.model import Limits
from counterflow.ingest import Landed
from counterflow.landing import Landing
from counterflow.sources.errors import ReaderFault, Refused
from tests.support import NIGHT, SECRET, Agency, export

SMALL = Limits(memory=200_000_000, seconds=1)  # type: ignore[arg-type]


def nothing() -> Landed:
    return Landed({}, pa.table({}), pa.table({}), pa.table({}))


def test_what_is_read_comes_back_as_it_is() -> None:
    tables = {"case": pa.table({"a": ["x", None], "n": [1, 2]}), "empty": pa.table({"d": pa.array([], pa.date32())})}  # fmt: skip
    made = Landed(
        tables, pa.table({"r": [1]}), pa.table({"s": ["ü"]}), pa.table({"f": [[{"a": 1}]]}),
        rows_read=7, rows_blank=2, withheld={"no_consent": 3}, grown={"case": 1.5},
        next_reading=date(2011, 1, 1),
    )  # fmt: skip
    found = isolation.run(lambda: made, Limits())
    assert found == made


@pytest.mark.parametrize(("claimed", "code"), [(10**18, "reader_stopped"), (10**6, "EOFError")])
def test_a_part_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, claimed: int, code: str
) -> None:
    """A reader that was taken over says what it likes: more than it may use, or less than it announced."""

    def lie(out: Any, landed: Landed) -> None:
        isolation._say(out, {"landed": ["tables.case"]})
        out.write(isolation._LENGTH.pack(claimed) + b"x")

    monkeypatch.setattr(isolation, "_send", lie)
    with pytest.raises((Refused, ReaderFault)) as told:
        isolation.run(nothing, Limits())
    found = told.value.code if isinstance(told.value, Refused) else told.value.kind
    assert found == code


def loop() -> Landed:
    while True:
        pass


def sleep() -> Landed:
    time.sleep(60)
    return nothing()


def hoard() -> Landed:
    # what its parent freed is its own to use: far more than any test before this one may have left
    held = [bytes(10_000_000) for _ in range(1000)]
    assert held
    return nothing()


def ended(number: int) -> Callable[[], Landed]:
    def end() -> Landed:
        os.kill(os.getpid(), number)
        return nothing()

    return end


def crash() -> Landed:
    ctypes.string_at(0)
    return nothing()


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (loop, "too_long"),
        (sleep, "too_long"),
        (hoard, "too_much_memory"),
        (crash, "reader_stopped"),
        (ended(signal.SIGABRT), "reader_stopped"),
    ],
    ids=["loops", "sleeps", "hoards", "crashes", "aborts"],
)
def test_a_reader_that_goes_astray_is_a_refusal(job: Callable[[], Landed], code: str) -> None:
    with pytest.raises(Refused) as told:
        isolation.run(job, SMALL)
    assert told.value.code == code


def test_one_that_is_killed_is_a_fault_that_may_go_well_again() -> None:
    with pytest.raises(ReaderFault) as told:
        isolation.run(ended(signal.SIGKILL), SMALL)
    assert told.value.kind == "Killed"


def test_an_exception_is_told_by_kind_and_place_and_never_by_its_text() -> None:
    def fail() -> Landed:
        raise KeyError(SECRET)

    with pytest.raises(ReaderFault) as told:
        isolation.run(fail, SMALL)
    assert str(told.value).startswith("KeyError at isolation.py:")
    assert told.value.__cause__ is None
    assert told.value.__context__ is None


def test_a_parent_with_busy_threads_can_fork_it() -> None:
    """A lock that a thread of Arrow or DuckDB holds in the moment of the fork is not waited for in the child."""
    over = threading.Event()

    def busy() -> None:
        database = duckdb.connect()
        while not over.is_set():
            database.execute("select sum(hash(i)) from range(100_000) t(i)").fetchall()
            pa.table({"a": list(range(1000))}).group_by("a").aggregate([("a", "count")])

    def read() -> Landed:
        column = pa.array([f"{n % 97}" for n in range(5000)]).dictionary_encode().cast(pa.string())
        counted = pa.table({"a": column}).group_by("a").aggregate([("a", "count")])
        return Landed({"case": counted}, pa.table({}), pa.table({}), pa.table({}))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        sizes = {isolation.run(read, Limits()).tables["case"].num_rows for _ in range(60)}
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert sizes == {97}


def test_it_dies_with_its_parent() -> None:
    """A task that is killed leaves no reader with an export in its memory."""
    code = (
        "import time; from counterflow import isolation; from counterflow.contracts.model import Limits\n"
        "def job():\n"
        "    import os; os.write(1, f'{os.getpid()}\\n'.encode()); time.sleep(60)\n"
        "isolation.run(job, Limits())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        for _ in range(500):
            if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split(") ")[1][:1]:  # fmt: skip
                return
            time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the reader goes on")


def test_a_reader_that_dies_fails_its_own_mission_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import counterflow.ingest as module

    agency = Agency(tmp_path)
    for mission in agency.missions:
        agency.deliver(mission, export())
    real = module.read_tables

    def dies(files, contract):
        if contract.mission == "BLR":
            os.abort()
        return real(files, contract)

    monkeypatch.setattr(module, "read_tables", dies)
    plan = nightly.plan(agency.settings, NIGHT)
    done = {m: nightly.ingest(agency.settings, NIGHT, m).status for m in plan.changed}
    assert done == {"ALB": "landed", "BLR": "refused", "CIV": "landed"}
    record = Landing(agency.settings.landing, "BLR").record(NIGHT)
    assert record is not None
    assert "(reader_stopped)" in record.message
