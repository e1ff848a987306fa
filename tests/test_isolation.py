"""An export is read in a process of its own: what becomes of it there is told in one line, and stops nobody else."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from counterflow import isolation, nightly
from counterflow.contracts.model import Limits
from counterflow.ingest import Part, Totals
from counterflow.landing import Landing
from counterflow.sources.errors import ReaderFault, Refused
from counterflow.sources.parts import PART
from tests.support import NIGHT, SECRET, Agency, export

SMALL = Limits(memory=200_000_000, seconds=1)  # type: ignore[arg-type]


TOTALS = Totals(pa.table({}), pa.table({}))


@dataclass
class Read:
    """A reading whose parts a job makes."""

    job: Callable[[], Iterable[Part] | None]
    told: Totals = field(default_factory=lambda: TOTALS)

    def parts(self) -> Iterator[Part]:
        yield from self.job() or ()

    def totals(self) -> Totals:
        return self.told


def run(job: Callable[[], Iterable[Part] | None], limits: Limits | None = None, told: Totals = TOTALS) -> list[Part]:  # fmt: skip
    parts: list[Part] = []
    assert isolation.run(Read(job, told), limits or Limits(), parts.append) == told
    return parts


def part(numbers: list[int]) -> Part:
    tables = {"case": pa.table({"a": ["x", None], "n": [1, 2]}), "empty": pa.table({"d": pa.array([], pa.date32())})}  # fmt: skip
    return Part(tables, pa.table({"r": numbers}), pa.table({"t": ["ü"]}))


def test_what_is_read_comes_back_as_it_is() -> None:
    told = Totals(
        pa.table({"s": ["ü"]}), pa.table({"f": [[{"a": 1}]]}),
        rows_read=7, rows_blank=2, withheld={"no_consent": 3}, grown={"case": 1.5},
        next_reading=date(2011, 1, 1),
    )  # fmt: skip
    made = [part([1]), part([2, 3]), part([])]
    assert run(lambda: made, told=told) == made


def test_a_part_is_taken_while_the_next_one_is_made(tmp_path: Path) -> None:
    mark = tmp_path / "taken"

    def job() -> Iterator[Part]:
        yield part([1])
        for _ in range(1000):
            if mark.exists():
                break
            time.sleep(0.01)
        yield part([int(mark.exists())])

    seen: list[int] = []

    def take(one: Part) -> None:
        seen.extend(one.rows.column("r").to_pylist())
        mark.touch()

    isolation.run(Read(job), Limits(), take)
    assert seen == [1, 1]


def test_what_goes_wrong_after_a_part_is_told_all_the_same() -> None:
    def job() -> Iterator[Part]:
        yield part([1])
        raise Refused("ragged_rows", "a", "b")

    seen: list[Part] = []
    with pytest.raises(Refused, match=r"a\. b"):
        isolation.run(Read(job), Limits(), seen.append)
    assert len(seen) == 1


def test_a_part_that_cannot_be_taken_ends_the_reading() -> None:
    def job() -> Iterator[Part]:
        while True:
            yield part([1])

    def take(_: Part) -> None:
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        isolation.run(Read(job), Limits(), take)


def test_parts_without_end_are_not_taken() -> None:
    limits = Limits(unpacked=200_000_000)  # type: ignore[arg-type]
    seen: list[Part] = []
    with pytest.raises(Refused) as told:
        isolation.run(Read(lambda: (part([n]) for n in range(10**9))), limits, seen.append)
    assert told.value.code == "reader_stopped"
    assert len(seen) <= 200_000_000 // PART + 3


@pytest.mark.parametrize(("claimed", "code"), [(10**18, "reader_stopped"), (10**6, "EOFError")])
def test_a_part_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, claimed: int, code: str
) -> None:
    """A reader that was taken over says what it likes: more than it may use, or less than it announced."""

    def lie(out: Any, totals: Totals) -> None:
        isolation._say(out, {"part": ["case"]})
        out.write(isolation._LENGTH.pack(claimed) + b"x")

    monkeypatch.setattr(isolation, "_send_totals", lie)
    with pytest.raises((Refused, ReaderFault)) as told:
        run(list)
    found = told.value.code if isinstance(told.value, Refused) else told.value.kind
    assert found == code


def loop() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(60)


def hoard() -> None:
    # what its parent freed is its own to use: far more than any test before this one may have left
    held = [bytes(10_000_000) for _ in range(1000)]
    assert held


def ended(number: int) -> Callable[[], None]:
    def end() -> None:
        os.kill(os.getpid(), number)

    return end


def crash() -> None:
    ctypes.string_at(0)


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
def test_a_reader_that_goes_astray_is_a_refusal(job: Callable[[], None], code: str) -> None:
    with pytest.raises(Refused) as told:
        run(job, SMALL)
    assert told.value.code == code


def test_one_that_is_killed_is_a_fault_that_may_go_well_again() -> None:
    with pytest.raises(ReaderFault) as told:
        run(ended(signal.SIGKILL), SMALL)
    assert told.value.kind == "Killed"


def test_an_exception_is_told_by_kind_and_place_and_never_by_its_text() -> None:
    def fail() -> None:
        raise KeyError(SECRET)

    with pytest.raises(ReaderFault) as told:
        run(fail, SMALL)
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

    def read() -> Iterator[Part]:
        column = pa.array([f"{n % 97}" for n in range(5000)]).dictionary_encode().cast(pa.string())
        counted = pa.table({"a": column}).group_by("a").aggregate([("a", "count")])
        yield Part({"case": counted}, pa.table({}), pa.table({}))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        sizes = {run(read)[0].tables["case"].num_rows for _ in range(60)}
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert sizes == {97}


def test_it_dies_with_its_parent() -> None:
    """A task that is killed leaves no reader with an export in its memory."""
    code = (
        "import time; from counterflow import isolation; from counterflow.contracts.model import Limits\n"
        "class Reading:\n"
        "    def parts(self):\n"
        "        import os; os.write(1, f'{os.getpid()}\\n'.encode()); time.sleep(60)\n"
        "isolation.run(Reading(), Limits(), print)\n"
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
