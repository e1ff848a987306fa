"""Faults of the machine: what a full or read-only disk, missing memory, a wrong clock and a second run come to.

Each test's outcome is a row of the table in docs/reliability.md; `test_the_table_names_every_fault` compares.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from counterflow import nightly
from counterflow.landing import Landing
from counterflow.settings import PROJECT, Settings
from counterflow.warehouse import publication
from counterflow.warehouse.manifest import published_night
from tests.chaos import checking, killing, trials
from tests.chaos.trials import Ground, step
from tests.chaos.world import SECOND
from tests.support import NIGHT

KEPT = "what was published stays"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """One published night, from which another one goes wrong."""
    return Ground(tmp_path_factory.mktemp("faults"), [step("first night")])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The same, and what an uninterrupted second night comes to."""
    return Ground(
        tmp_path_factory.mktemp("whole"), [step("first night"), step("night"), step("release")]
    )


def command(settings: Settings, *arguments: str, **environment: str) -> Callable[[], list[Any]]:
    """The command `counterflow`, as a shell would see it: its exit code, and its last line of error."""

    def run() -> list[Any]:
        import contextlib
        import io
        import sys

        from counterflow.cli import main

        os.environ |= {
            "COUNTERFLOW_HOME": str(settings.home),
            "COUNTERFLOW_EXPORTS": str(settings.exports),
            "COUNTERFLOW_MISSIONS": str(settings.missions),
            "COUNTERFLOW_WORKERS": "1",
            **environment,
        }
        sys.argv = ["counterflow", *arguments]
        code, said = 0, io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return [code, said.getvalue()]

    return run


def said(ground: Ground, settings: Settings, *arguments: str, **environment: str) -> str:
    """What the command says when it is refused."""
    ended = killing.run(command(settings, *arguments, **environment))
    assert not ended.error, ended.error
    code, text = ended.result
    assert code == 1, text
    assert "Traceback" not in text
    return str(text)


def stands(ground: Ground, settings: Settings) -> bool:
    """Whether analysts have the first night, whole: without whom a withdrawal has taken out of it since."""
    tables, promised = ground.must(lambda: [checking.tables(settings), checking.promised(settings)])
    assert tables == promised
    return published_night(settings) == NIGHT


def full(path: Path, left: int) -> None:
    """Fill a file system up to some bytes."""
    path.unlink(missing_ok=True)
    free = os.statvfs(path.parent)
    with path.open("wb") as file:
        size = free.f_bavail * free.f_frsize - left
        block = bytes(1 << 16)
        while size > 0:
            size -= file.write(block[: min(size, len(block))])


@contextmanager
def small_disk(settings: Settings, megabytes: int) -> Iterator[None]:
    """The home on a file system of its own."""
    aside = settings.home.with_name("aside")
    settings.home.rename(aside)
    settings.home.mkdir()
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={megabytes}m,mode=700",
        "none",
        str(settings.home),
    ]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only root may mount a small disk: {done.stderr.strip()}")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(settings.home)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(settings.home)], check=True)


def remount(settings: Settings, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(settings.home)], check=True)


def test_a_full_or_read_only_disk(ground: Ground) -> None:
    """Refused in one line, wherever it is met; what had landed stays."""
    settings = ground.world.copy("one", "full")
    night = ("nightly", "--night", str(SECOND))
    with small_disk(settings, 200):
        remount(settings, "ro")
        text = said(ground, settings, *night)
        assert "the disk is read-only" in text
        assert stands(ground, settings)
        remount(settings, "rw")
        stuffing = settings.home / "stuffing"
        full(stuffing, 0)
        text = said(ground, settings, *night)
        assert "the disk is full" in text
        assert len(text.strip().splitlines()) == 1
        full(stuffing, 1_500_000)  # enough to land, and not to build
        text = said(ground, settings, *night)
        assert "the disk is full" in text
        assert KEPT in text
        assert stands(ground, settings)
        stuffing.unlink()
        assert (
            ground.must(lambda: nightly.plan(settings, SECOND).changed) == []
        )  # what landed stays
        assert checking.held_locks(settings) == []


@pytest.mark.slow
def test_once_there_is_room_again_the_night_is_as_if_nothing_had_happened(whole: Ground) -> None:
    """Full at every megabyte that a night needs, then not."""
    one = step("night")
    settings = whole.world.copy(one.before, "full")
    looked: dict[str, Any] = {}
    with small_disk(settings, 200), checking.reader(settings, looked):
        stuffing = settings.home / "stuffing"
        for left in (1_000, 20_000, 400_000, 1_500_000, 3_000_000, 8_000_000, 14_000_000):
            full(stuffing, left)
            killing.run(command(settings, "nightly", "--night", str(SECOND)))
        stuffing.unlink()
        ended = killing.run(lambda: one.act(settings))
        assert not ended.error, ended.error
        whole.must(lambda: trials.sweep(settings))
        assert whole.must(lambda: checking.wrong(settings, whole.expected[one.after])) == []
    assert looked["failed"] == []
    assert looked["opened"] > 10


def test_a_file_that_may_not_grow(ground: Ground) -> None:
    """`ulimit -f`, as some systems set it: DuckDB is refused in the middle of its file."""
    settings = ground.world.copy("one", "limited")

    def limited() -> list[Any]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        return command(settings, "nightly", "--night", str(SECOND))()

    ended = killing.run(limited)
    assert not ended.error, ended.error
    code, text = ended.result
    assert (code, "ulimit -f" in text) == (1, True), text
    assert stands(ground, settings)


def test_out_of_memory_in_one_mission(ground: Ground) -> None:
    """Its mission fails alone and by name; the next run takes it."""
    settings = ground.world.copy("one", "hungry")
    assert ground.must(lambda: nightly.plan(settings, SECOND).changed) == ["ALB", "BLR"]

    def starved() -> Any:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used, -1))
        hoard: list[bytearray] = []  # what the process has already and does not use
        with suppress(MemoryError):
            while True:
                hoard.append(bytearray(1 << 14))
        del hoard[-16:]
        return nightly.ingest(settings, SECOND, "ALB").status

    starving = killing.run(starved)
    assert ground.must(lambda: nightly.ingest(settings, SECOND, "BLR").status) == "landed"
    record = Landing(settings.landing, "ALB").record(SECOND)
    assert record is not None
    assert (record.status, record.is_stale) == ("failed", True), starving
    assert record.message.startswith("ALB: ")
    assert nightly.plan(settings, SECOND).changed == ["ALB", "BLR"]
    assert ground.must(lambda: nightly.ingest(settings, SECOND, "ALB").status) == "landed"


def test_out_of_memory_in_the_build(ground: Ground) -> None:
    settings = ground.world.copy("one", "narrow")
    text = said(
        ground, settings, "nightly", "--night", str(SECOND), COUNTERFLOW_DUCKDB_MEMORY="2MB"
    )
    assert "raise COUNTERFLOW_DUCKDB_MEMORY" in text
    assert stands(ground, settings)


def test_a_clock_that_was_put_back(tmp_path: Path) -> None:
    """The newest publication is the last one that was made, whatever time its file carries."""
    kept = tmp_path / "kept"
    kept.mkdir()
    names = [f"warehouse-201011{day:02}-{day:016x}.duckdb" for day in range(1, 7)]
    for at, name in enumerate(names):
        aside = tmp_path / "aside"
        aside.write_bytes(b"x")
        moment = 2_000_000_000 - at * 86_400  # each day the clock is a day earlier
        os.utime(aside, (moment, moment))
        publication._after_all(aside, kept)
        (kept / name).hardlink_to(aside)
        aside.unlink()
        publication._prune(kept, 3)
    assert sorted(path.name for path in kept.iterdir()) == names[3:]


def steps_of_the_dag(settings: Settings, night: date) -> str:
    """The steps one by one, as tasks call them: nothing is held between two of them."""
    plan = nightly.plan(settings, night)
    for mission in plan.changed:
        nightly.ingest(settings, night, mission)
    nightly.validate(settings, night)
    nightly.transform(settings, night)
    nightly.gates(settings, night)
    return str(nightly.publish(settings, night).night)


@pytest.mark.slow
def test_two_nights_at_once(whole: Ground) -> None:
    """Two commands, and a command beside the DAG's tasks: both end, and what is published is that of one."""
    one = step("night")
    for name, other in (
        ("two commands", one.act),
        ("beside a DAG", lambda s: steps_of_the_dag(s, SECOND)),
    ):
        settings = whole.world.copy(one.before, "both")
        ended = killing.at_once(lambda s=settings: one.act(s), lambda s=settings, o=other: o(s))  # type: ignore[misc]
        failed = [one_.error for one_ in ended if one_.error]
        assert all("another run may have built since" in e or "no build of" in e for e in failed), (
            name,
            failed,
        )
        assert len(failed) < 2
        whole.must(lambda s=settings: trials.sweep(s))  # type: ignore[misc]
        wrong = whole.must(lambda s=settings: checking.wrong(s, whole.expected[one.after]))  # type: ignore[misc]
        assert wrong == [], name


def while_it_builds(settings: Settings, action: Callable[[], Any]) -> Callable[[], Any]:
    """An action that begins when somebody holds the lock of the build."""

    def begin() -> Any:
        until = time.monotonic() + 60
        while time.monotonic() < until and not checking.held_locks(settings):
            time.sleep(0.05)
        time.sleep(1)
        return action()

    return begin


def rotation_of_its_own(settings: Settings) -> str:
    """A rotation whose new key nobody has laid ready: it makes one when it holds the locks."""
    from counterflow.rotation import rotate

    return rotate(settings).new


@pytest.mark.slow
@pytest.mark.parametrize("name", ["erase", "rotate", "release"])
@pytest.mark.parametrize("dag", [False, True], ids=["command", "DAG"])
def test_something_else_during_a_night(whole: Ground, name: str, dag: bool) -> None:
    """It waits, or the night is refused and the next one is right; what both had to do is done."""
    settings = whole.world.copy("one" if name != "release" else "two", "during")
    if name == "release":
        (settings.landing / "CIV" / "nights" / f"{SECOND}.json").unlink()
    night = (
        (lambda: steps_of_the_dag(settings, SECOND))
        if dag
        else (lambda: step("night").act(settings))
    )
    act = rotation_of_its_own if name == "rotate" else step(name).act
    ended = killing.at_once(night, while_it_builds(settings, lambda: act(settings)))
    assert not ended[1].error, ended[1].error + ended[1].output
    if ended[0].error:
        assert dag
        assert "no build of" in ended[0].error or "not passed the gates" in ended[0].error, ended[
            0
        ].error
    whole.must(lambda: step("night").act(settings))
    whole.must(lambda: trials.sweep(settings))
    found = whole.must(lambda: checking.accounted(settings))
    assert checking.lost(whole.expected["two"]["load"], found) == 0
    assert checking.orphans(settings) == []
    assert checking.bad_secrets(settings) == []
    if name == "erase":
        assert whole.must(lambda: trials.erase(settings)) == "finished"


def test_the_table_names_every_fault() -> None:
    """docs/reliability.md says what comes of each fault, and which test shows it; neither has more than the other."""
    page = (PROJECT / "docs" / "reliability.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text("utf-8"), re.MULTILINE))
    here -= {"test_the_table_names_every_fault"}
    elsewhere = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert here <= named
    assert named <= elsewhere
