"""A name comes after its content: the order in which things are written to the disk, seen from outside."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterflow import disk, nightly
from counterflow.missions import keyring
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from tests.support import NIGHT, Agency, export


class Order:
    """What was written to the disk when something was renamed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: set[tuple[int, int]] = set()
        self.problems: list[str] = []
        self.names: list[str] = []
        self.pending: set[str] = set()
        for name, watched in (("fsync", self._fsync), ("replace", self._replace)):
            monkeypatch.setattr(os, name, self._then(watched, getattr(os, name)))
        monkeypatch.setattr(Path, "rename", lambda path, target: os.replace(path, target))

    def _then(self, watched: Callable[..., None], call: Callable[..., Any]) -> Callable[..., Any]:
        def one(*arguments: Any) -> Any:
            watched(*arguments)
            return call(*arguments)

        return one

    def _fsync(self, descriptor: int) -> None:
        about = os.fstat(descriptor)
        self.synced.add((about.st_ino, about.st_mtime_ns))
        self.pending.discard(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def _replace(self, source: Any, target: Any) -> None:
        path = Path(source)
        inside = [path, *path.rglob("*")] if path.is_dir() else [path]
        for one in inside:
            about = one.stat()
            if (about.st_ino, about.st_mtime_ns) not in self.synced:
                self.problems.append(f"{target} before {one.name}")
        self.names.append(Path(target).name)
        self.pending.add(str(Path(target).parent))


def test_a_name_comes_after_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a night lands, judges and promises; a folder's names as well."""
    agency = Agency(tmp_path, missions=("ALB",))
    agency.deliver("ALB", export())
    keyring(agency.settings)
    order = Order(monkeypatch)
    nightly.plan(agency.settings, NIGHT)
    assert nightly.ingest(agency.settings, NIGHT, "ALB").status == "landed"
    nightly.ingest(agency.settings, NIGHT, "ALB", full_refresh=True)
    assert [one.status for one in nightly.validate(agency.settings, NIGHT)] == ["loaded"] * 2
    agency.settings.warehouse.mkdir()
    write_manifest(agency.settings.warehouse / MANIFEST, Build(NIGHT, "0", {}, (), 0.0))
    assert order.problems == []
    assert {f"{NIGHT}.json", MANIFEST} <= set(order.names)
    assert any(name.startswith("verdict-") for name in order.names)
    assert order.pending == set()


def test_every_file_of_a_folder_is_on_the_disk_or_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        (tmp_path / f"{number % 3}").mkdir(exist_ok=True)
        (tmp_path / f"{number % 3}" / f"{number}.parquet").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")
    order = Order(monkeypatch)
    disk.settle(tmp_path)
    inside = {path.stat().st_ino for path in [tmp_path, *tmp_path.rglob("*[0-9t]")]}
    assert {inode for inode, _ in order.synced} == inside

    def worn(path: Path) -> None:
        if path.name == "7.parquet":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk, "sync", worn)
    with pytest.raises(OSError, match="Input/output error"):
        disk.settle(tmp_path)


def test_the_control_a_name_before_its_content_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order(monkeypatch)
    (tmp_path / "aside").write_text("x")
    os.replace(tmp_path / "aside", tmp_path / "name")
    assert order.problems == [f"{tmp_path / 'name'} before aside"]
    assert order.pending == {str(tmp_path)}


def test_a_text_is_replaced_whole_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    disk.write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            disk.write_text(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG])
def test_what_a_disk_refuses_is_said_with_its_cure(number: int) -> None:
    said = disk.refused(OSError(number, os.strerror(number)))
    assert said is not None
    assert "what was published stays" in said
    assert disk.number(f"IO Error: Could not write file: {os.strerror(number)}") == number
    assert disk.refused(OSError(errno.ENOENT, "no")) is None
    assert disk.refused(ValueError("No space left on device")) is None
    assert disk.number("Conversion Error") is None
