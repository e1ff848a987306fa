"""One person out of everything, proven by every byte; everybody else as before.

One mission whose records merge, two published nights. Each test erases in a copy of that home; the last
one runs the night after.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterflow import erasure, purging
from counterflow.cli import app
from counterflow.depersonalise import case_key
from counterflow.erasure import ErasureRefusedError
from counterflow.landing import Landing
from counterflow.local import run_night
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.searching import search
from counterflow.settings import Settings
from counterflow.warehouse import purge as files
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from counterflow.warehouse.verification import verify
from tests.support import COLUMNS, NIGHT, Agency, case, export

FIRST, SECOND, THIRD = (NIGHT + timedelta(days=n) for n in range(3))
Rows = dict[str, list[tuple[object, ...]]]
PERSON = (4, 6)  # 4 was merged into 6


def sheet(**changed: dict[str, str]) -> bytes:
    rows = [case(n, **changed.get(f"n{n}", {})) for n in range(30)]
    means = [{"No.": f"A-{n}", "Means": "papers; kept" if n == 4 else "debt"} for n in range(30)]
    return export(rows, means, (*COLUMNS, "Into"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """4 and 6 are two cases on night 1, and one on night 2; 4 is in quarantine on night 1."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB",))
    made.contract("ALB", "    key: No.\n    columns:\n      reg", "    key: No.\n    merged: {from: Into}\n    columns:\n      reg")  # fmt: skip
    made.deliver("ALB", sheet(n7={"Sex": "X"}), FIRST)
    made.deliver("ALB", sheet(n4={"Into": "A-6"}, n7={"Sex": "X"}), SECOND)
    for night in (FIRST, SECOND):
        report = run_night(made.settings, night, quiet=True)
        assert report.is_published, report.text
    return made


@pytest.fixture
def settings(published: Agency, tmp_path: Path) -> Settings:
    """A copy of the home; links between published and kept files are links in it too."""
    home = tmp_path / "home"
    shutil.copytree(published.settings.home, home, symlinks=True)
    (newest,) = (home / "warehouse" / "kept").glob(f"*-{SECOND:%Y%m%d}-*")
    newest.unlink()
    os.link(home / "warehouse" / "warehouse.duckdb", newest)
    return replace(published.settings, home=home)


def keys(settings: Settings, *numbers: int) -> list[str]:
    return [case_key(mission_keys(settings, "ALB"), f"A-{n}") for n in numbers]


def contents(settings: Settings, path: Path, without: list[str]) -> Rows:
    """Every row of every table of a file, without the rows that hold one of some texts."""
    with Seal.of(settings).opened(path) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = current_database() order by all"
        ).fetchall()
        return {
            name: [
                row
                for row in connection.execute(f"select * from {name}").fetchall()
                if not any(key in map(str, row) for key in without)
            ]
            for (name,) in names
        }


def warehouses(settings: Settings) -> list[Path]:
    folder = settings.warehouse
    return [folder / "warehouse.duckdb", *sorted((folder / "kept").glob("*.duckdb"))]


def test_the_person_is_found_wherever_it_is_kept(settings: Settings) -> None:
    """The positive control: landing, what is published, what is kept, the last build."""
    found = {one.file.rpartition("/")[2] for one in search(settings, keys(settings, 6)).found}
    assert found >= {"case.parquet", "control.parquet", "rows.parquet", "warehouse.duckdb"}
    assert found >= {"scratch.duckdb"}
    assert sum(name.startswith("warehouse-") for name in found) == 2


def test_erased_is_nowhere_and_everybody_else_is_as_before(settings: Settings) -> None:
    person = keys(settings, *PERSON)
    before = [contents(settings, path, person) for path in warehouses(settings)]
    receipt = erasure.erase(settings, "ALB", ["a-006".replace("00", "")], SECOND)
    assert (receipt.status, receipt.records) == ("finished", 2)
    assert search(settings, person).found == ()
    assert [contents(settings, path, []) for path in warehouses(settings)] == before
    assert all(result.passed for result in verify(settings)), verify(settings)
    published, kept = settings.warehouse / "warehouse.duckdb", warehouses(settings)[2]
    assert published.samefile(kept)  # one file under two names, as before
    landing = Landing(settings.landing, "ALB")
    for night in (FIRST, SECOND):
        record = landing.record(night)
        assert record is not None
        assert record.withheld == {"erased": 4}
        assert (record.rows_read, record.rows_accepted, record.rows_quarantined) == (60, 54, 2)
    said = (settings.erasures / f"{receipt.receipt}.json").read_text()
    assert json.loads(said)["removed"][0]["rows"]
    assert not any(
        form.decode(errors="ignore") in said for key in person for form in (key.encode(),)
    )


def test_the_number_is_shown_nowhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks for it, and neither prints nor writes it; the receipt is confirmed without it."""
    for name, value in {"HOME": settings.home, "EXPORTS": settings.exports, "MISSIONS": settings.missions}.items():  # fmt: skip
        monkeypatch.setenv(f"COUNTERFLOW_{name}", str(value))
    run = CliRunner().invoke
    ask = ["erase", "--mission", "ALB", "--case-number", "-"]
    assert run(app, [*ask, "--check"], input="A-6\n").exit_code == 1
    erased = run(app, ask, input="A-6\n")
    assert erased.exit_code == 0, erased.output
    assert "2 records of one person erased" in erased.output
    (path,) = settings.erasures.glob("*.json")
    confirmed = run(app, ["erase", "--verify", path.stem])
    assert (confirmed.exit_code, "the receipt holds" in confirmed.output) == (0, True)
    clear = run(app, [*ask, "--check"], input="A-6\n")
    assert (clear.exit_code, "nowhere" in clear.output) == (0, True)
    for output in (erased.output, confirmed.output, clear.output, path.read_text()):
        assert "A-6" not in output
        assert "a6" not in output.casefold().replace("-", " ").split()
    warned = run(app, ["erase", "--mission", "ALB", "--case-number", "A-6"])
    assert "list of processes" in warned.output
    assert "A-6" not in warned.output
    assert "nothing was found" in warned.output


def test_a_restored_backup_shows(settings: Settings) -> None:
    (path,) = (
        Landing(settings.landing, "ALB").path(name) / "control.parquet"
        for name in Landing(settings.landing, "ALB").whole_exports()[:1]
    )
    backup = path.read_bytes()
    receipt = erasure.erase(settings, "ALB", ["A-6"], SECOND)
    assert erasure.verify(settings, receipt.receipt).holds
    path.write_bytes(backup)
    confirmed = erasure.verify(settings, receipt.receipt)
    assert not confirmed.holds
    assert confirmed.restored == (str(path.relative_to(settings.home)),)
    assert {one.file for one in confirmed.search.found} == set(confirmed.restored)


def test_a_number_that_is_not_here(settings: Settings) -> None:
    with pytest.raises(ErasureRefusedError, match="no such case"):
        erasure.erase(settings, "ALB", ["B-77"], SECOND, only_if_found=True)
    assert not (settings.landing / "ALB" / "erased.parquet").exists()
    assert not settings.erasures.exists()
    receipt = erasure.erase(settings, "ALB", ["B-77"], SECOND)
    assert receipt.records == 0
    assert erasure.verify(settings, receipt.receipt).holds
    for mission, number, said in (
        ("XXX", ["A-6"], "no mission XXX"),
        ("ALB", ["A-6", "2010"], "has 1 parts"),
        ("ALB", ["-99"], "missing"),
        ("ALB", ["  "], "empty"),
    ):
        with pytest.raises(ErasureRefusedError, match=said) as refused:
            erasure.erase(settings, mission, number, SECOND)
        assert not any(part.strip() and part in str(refused.value) for part in number)


def kill(settings: Settings, module: object, name: str, after: int) -> None:
    """Erase in a process of its own, which is killed at the call number `after` of a function."""

    def work() -> None:
        real: Callable[..., object] = getattr(module, name)
        calls = 0

        def counted(*args: object, **named: object) -> object:
            nonlocal calls
            if (calls := calls + 1) > after:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        setattr(module, name, counted)
        erasure.erase(settings, "ALB", ["A-6"], SECOND)

    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, (name, after)


def test_killed_anywhere_the_same_command_ends_it(settings: Settings) -> None:
    person = keys(settings, *PERSON)
    others = contents(settings, settings.warehouse / "warehouse.duckdb", person)
    for module, name, after in (
        (purging, "_rewrite_verdict", 0),
        (purging.Landing, "put", 0),
        (purging.Landing, "save", 0),
        (files.os, "replace", 4),
        (files, "rewrite", 0),
        (files, "write_manifest", 0),
        (files.os, "link", 0),
        (files, "give_up_build", 0),
    ):
        kill(settings, module, name, after)
    begun = [json.loads(p.read_text())["status"] for p in settings.erasures.glob("E-*.json")]
    assert set(begun) == {"begun"}
    receipt = erasure.erase(settings, "ALB", ["A-6"], SECOND)
    assert receipt.status == "finished"
    assert search(settings, person).found == ()
    assert all(result.passed for result in verify(settings)), verify(settings)
    assert contents(settings, settings.warehouse / "warehouse.duckdb", []) == others
    record = Landing(settings.landing, "ALB").record(FIRST)
    assert record is not None
    assert record.withheld == {"erased": 4}
    assert not [p for p in settings.home.rglob(".*") if p.is_dir() or ".duckdb" in p.name]


def test_the_mission_goes_on_exporting_and_nobody_comes_back(
    published: Agency, settings: Settings
) -> None:
    """The night after, and the same night read again from the start: withheld as erased, others as they are."""
    person = keys(settings, *PERSON)
    erasure.erase(
        settings, "ALB", ["A-4"], SECOND
    )  # by the merged record's number: the whole person
    before = contents(settings, settings.warehouse / "warehouse.duckdb", [])
    published.deliver("ALB", sheet(n4={"Into": "A-6"}, n7={"Sex": "X"}, n8={"Sex": "M"}), THIRD)
    report = run_night(settings, THIRD, full_refresh=True, quiet=True)
    assert report.is_published, report.text
    assert search(settings, person).found == ()
    after = contents(settings, settings.warehouse / "warehouse.duckdb", [])
    changed = {str(row[0]) for row in set(after["core.fct_case"]) ^ set(before["core.fct_case"])}
    assert len(after["core.fct_case"]) == len(before["core.fct_case"]) == 27
    assert (
        len({row[2:-1] for row in set(after["core.fct_case"]) ^ set(before["core.fct_case"])}) > 0
    )
    assert changed
    assert {row[0] for row in before["history.fct_case"]} == {
        row[0] for row in after["history.fct_case"]
    }
    with Seal.of(settings).opened(settings.warehouse / "warehouse.duckdb") as connection:
        assert connection.execute(
            "select night, rows_accepted, rows_quarantined, rows_withheld from quality.load order by 1"
        ).fetchall() == [(night, 54, 2, 4) for night in (FIRST, SECOND, THIRD)]
        assert connection.execute("select night, cases from history.night order by 1").fetchall() == [
            (FIRST, 27), (SECOND, 27), (THIRD, 27),
        ]  # fmt: skip
    assert read_manifest(settings.warehouse / MANIFEST) is not None
