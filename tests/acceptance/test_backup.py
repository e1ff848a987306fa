"""Backup, delete everything, restore, verify; and nobody who was erased since the backup comes back with it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterflow import backups, erasure
from counterflow.backups import BackupRefusedError
from counterflow.cli import app
from counterflow.depersonalise import case_key
from counterflow.landing import Landing
from counterflow.local import run_night
from counterflow.missions import keyring, mission_keys
from counterflow.sealing import Seal
from counterflow.searching import search
from counterflow.settings import Settings
from counterflow.suppression import erased_cases
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from counterflow.warehouse.verification import verify
from tests.support import NIGHT, Agency, export, key_forms

NEXT = NIGHT + timedelta(days=1)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    made = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB",))
    made.deliver("ALB", export())
    report = run_night(made.settings, NIGHT, quiet=True)
    assert report.is_published, report.text
    return made


@pytest.fixture
def settings(published: Agency, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    shutil.copytree(published.settings.home, home, symlinks=True)
    return replace(published.settings, home=home)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def lost(settings: Settings) -> Settings:
    """Everything is gone but the keys, which are kept apart."""
    for path in settings.home.iterdir():
        if path.name != "keys":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return settings


def contents(settings: Settings) -> dict[str, tuple[int, str]]:
    found = read_manifest(settings.warehouse / MANIFEST)
    assert found is not None
    return dict(found.tables)


def test_backup_delete_everything_restore_verify(
    settings: Settings, folder: Path, published: Agency
) -> None:
    before = contents(settings)
    made = backups.backup(settings, folder)
    done = backups.restore(lost(settings), folder)
    assert (done.backup.path, done.erased, done.purged) == (made.path, 0, 0)
    assert contents(settings) == before
    assert [r.gate for r in verify(settings) if not r.passed] == []
    assert not (settings.home / backups.ASIDE).exists()
    # and the nights go on
    published_exports = replace(settings, exports=published.settings.exports)
    report = run_night(published_exports, NEXT, quiet=True)
    assert report.is_published, report.text
    assert report.statuses == {"late": 1}


def test_the_files_tell_nothing_and_hold_no_key(settings: Settings, folder: Path) -> None:
    backups.backup(settings, folder)
    written = b"".join(p.read_bytes() for p in folder.iterdir())
    ring = keyring(settings)
    case = case_key(mission_keys(settings, "ALB"), "A-4")
    for secret in (
        *key_forms(ring.master, ring.linking),
        case.encode(),
        bytes.fromhex(case),
        b"feminine",
        b"AGE-SECRET",
    ):
        assert secret not in written
    assert {p.stat().st_mode & 0o077 for p in folder.glob("*.age")} == {0}


def test_who_was_erased_after_the_backup_does_not_come_back(
    settings: Settings, folder: Path
) -> None:
    """The trap: the archive is older than the erasure, and holds the case whole."""
    backups.backup(settings, folder)
    receipt = erasure.erase(settings, "ALB", ["A-4"], NEXT)
    assert receipt.untold == []
    case = case_key(mission_keys(settings, "ALB"), "A-4")
    done = backups.restore(lost(settings), folder)
    assert done.erased == 1
    assert done.purged > 0
    assert search(settings, [case]).found == ()
    # it stays out whatever the mission sends
    own = mission_keys(settings, "ALB")
    assert case in erased_cases(Seal.of(settings), Landing(settings.landing, "ALB"), own)


def test_without_the_list_of_the_erased_nothing_is_restored(
    settings: Settings, folder: Path
) -> None:
    backups.backup(settings, folder)
    (folder / backups.ERASURES).unlink()
    with pytest.raises(BackupRefusedError, match=r"erasures\.json is not in"):
        backups.restore(lost(settings), folder)
    assert not settings.landing.exists()


def test_an_erasure_that_cannot_tell_a_backup_says_so(settings: Settings, folder: Path) -> None:
    backups.backup(settings, folder)
    shutil.move(folder, folder.with_name("unmounted"))
    environment = {
        "COUNTERFLOW_HOME": str(settings.home),
        "COUNTERFLOW_MISSIONS": str(settings.missions),
    }
    done = CliRunner().invoke(
        app, ["erase", "--mission", "ALB", "--case-number", "-"], env=environment, input="A-5\n"
    )
    assert done.exit_code == 0, done.output
    assert f"The backups in {folder} do not know of it" in done.output
    # the next backup tells it: also an older archive is then restored without the case
    shutil.move(folder.with_name("unmounted"), folder)
    (old,) = folder.glob("*.age")
    backups.backup(settings, folder)
    done_ = backups.restore(lost(settings), folder, old.name)
    assert done_.erased == 1
    case = case_key(mission_keys(settings, "ALB"), "A-5")
    assert search(settings, [case]).found == ()


@pytest.mark.parametrize("what", ["damaged", "cut", "other key", "landed"])
def test_what_cannot_be_restored_is_refused_before_anything_is_changed(
    settings: Settings, folder: Path, what: str
) -> None:
    made = backups.backup(settings, folder)
    if what != "landed":
        lost(settings)
    if what == "damaged":
        data = bytearray(made.path.read_bytes())
        data[len(data) // 2] ^= 1
        made.path.write_bytes(data)
    elif what == "cut":
        made.path.write_bytes(made.path.read_bytes()[:-100])
    elif what == "other key":
        path = settings.keys / "master.key"
        path.write_text("ab" * 32 + "\n")
    before = sorted(p.name for p in settings.home.iterdir())
    said = {
        "damaged": "is damaged",
        "cut": "is damaged",
        "other key": "master key",
        "landed": "holds landed exports",
    }
    with pytest.raises(BackupRefusedError, match=said[what]) as refused:
        backups.restore(settings, folder)
    assert "\n" not in str(refused.value)
    assert sorted(p.name for p in settings.home.iterdir()) == before


def _die_at(settings: Settings, folder: Path, number: int) -> None:
    """Restore, and be killed before the n-th rename into place."""
    left = [number]
    real = os.replace

    def replaced(source: object, target: object) -> None:
        if str(backups.ASIDE) in str(source) and Path(str(target)).parent == settings.home:
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
        real(source, target)  # type: ignore[arg-type]

    backups.os.replace = replaced  # type: ignore[assignment]
    backups.restore(settings, folder)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_restore_that_is_killed_is_done_again(
    settings: Settings, folder: Path, number: int
) -> None:
    before = contents(settings)
    backups.backup(settings, folder)
    lost(settings)
    killed = get_context("fork").Process(target=_die_at, args=(settings, folder, number))
    killed.start()
    killed.join()
    assert killed.exitcode == 9
    assert not any(settings.landing.glob("*/exports/*"))
    backups.restore(settings, folder)
    assert contents(settings) == before
    assert [r.gate for r in verify(settings) if not r.passed] == []


def test_old_archives_go_and_what_was_begun_is_no_archive(settings: Settings, folder: Path) -> None:
    first = backups.backup(settings, folder)
    path = folder / f"{first.path.name}.json"
    said = json.loads(path.read_text()) | {"when": "2010-01-01T00:00:00+00:00"}
    path.write_text(json.dumps(said))
    (folder / ".counterflow-begun.age").write_bytes(b"half")
    second = backups.backup(settings, folder, keep_days=30)
    assert [one.path for one in backups.listed(folder)] == [second.path]
    assert not first.path.exists()
    assert not (folder / ".counterflow-begun.age").exists()
    lines = settings.backups.read_text().splitlines()
    assert json.loads(lines[-1])["file"] == second.path.name


def test_a_backup_inside_the_home_is_refused(settings: Settings) -> None:
    with pytest.raises(BackupRefusedError, match="inside"):
        backups.backup(settings, settings.home / "backups")


def test_a_newer_program_s_home_is_refused_in_one_line(settings: Settings) -> None:
    (settings.home / "format.json").write_text('{"landing": 99, "warehouse": 2}\n')
    environment = {
        "COUNTERFLOW_HOME": str(settings.home),
        "COUNTERFLOW_MISSIONS": str(settings.missions),
    }
    done = CliRunner().invoke(app, ["nightly", "--night", str(NEXT)], env=environment)
    assert done.exit_code == 1
    assert "newer Counterflow (landing 99" in str(done.exception)
    assert "\n" not in str(done.exception)
