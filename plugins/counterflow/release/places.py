"""Where releases lie, and what is known of each: folders, numbers, what an interrupted process left.

`releases/001/` is handed out. `releases/.candidate-001/` waits for a decision. `releases/.inside/` is the agency's own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from counterflow import disk
from counterflow.locks import exclusive
from counterflow.release import describe, inside, ledger
from counterflow.release.errors import ReleaseRefused
from counterflow.settings import Settings

_CANDIDATE = ".candidate-"


@contextmanager
def locked(settings: Settings) -> Iterator[Path]:
    """The folder of releases, for one process at a time; what a killed one left is put right first."""
    releases = settings.releases
    try:
        releases.mkdir(parents=True, exist_ok=True)
        (releases / ".inside").mkdir(mode=0o700, exist_ok=True)
        if not os.access(releases, os.W_OK):
            raise PermissionError
    except OSError as error:
        raise ReleaseRefused(
            f"{releases} cannot be written to ({type(error).__name__}): give the account the right, or set COUNTERFLOW_HOME"
        ) from None
    with exclusive(settings.release_lock):
        _put_right(releases)
        yield releases


def candidate(releases: Path, number: str) -> Path:
    """Where a candidate lies until it is decided."""
    return releases / f"{_CANDIDATE}{number}"


def inside_of_candidate(releases: Path, number: str) -> Path:
    """Where its inside lies."""
    return inside.folder(releases, f"{_CANDIDATE}{number}")


def pending(releases: Path) -> str | None:
    """The number of the candidate that waits, if one does."""
    found = sorted(path.name.removeprefix(_CANDIDATE) for path in releases.glob(f"{_CANDIDATE}*"))
    return found[0] if found else None


def released(releases: Path) -> list[str]:
    """Numbers of all releases, oldest first."""
    return sorted(path.name for path in releases.glob("[0-9]*") if path.is_dir())


def following(releases: Path) -> str:
    """The number after every one that was ever released."""
    numbers = [int(n) for n in released(releases)]
    numbers += [int(e["number"]) for e in ledger.read(releases) if e["event"] == "released"]
    return f"{max(numbers, default=0) + 1:03}"


def digest(folder: Path) -> str:
    """What a folder holds, as one hash: that of its list of hashes."""
    return describe.sha256(folder / describe.SUMS)


def discard(releases: Path, number: str) -> None:
    """Take a candidate away."""
    shutil.rmtree(candidate(releases, number), ignore_errors=True)
    shutil.rmtree(inside_of_candidate(releases, number), ignore_errors=True)


def swap(releases: Path, number: str, new: Path) -> None:
    """Put a new folder in the place of a release; a reader sees the one or the other."""
    old = releases / f".old-{number}"
    shutil.rmtree(old, ignore_errors=True)
    whole = releases / f".new-{number}"
    disk.replace(new, whole)
    os.replace(releases / number, old)
    os.replace(whole, releases / number)
    disk.sync(releases)
    _remove(old)


def settle(releases: Path, number: str) -> None:
    """Give an approved candidate its place; done again after a kill, it goes on where it stopped."""
    waiting = inside_of_candidate(releases, number)
    target = inside.folder(releases, number)
    if waiting.exists():
        shutil.rmtree(target, ignore_errors=True)
        os.replace(waiting, target)
    if candidate(releases, number).exists():
        os.replace(candidate(releases, number), releases / number)


def _put_right(releases: Path) -> None:
    ledger.mend(releases)
    inside.put_right(releases)
    for whole in releases.glob(".new-*"):
        number = whole.name.removeprefix(".new-")
        if (releases / number).exists():
            _remove(whole)  # its revision was not recorded: it is made again
        else:
            os.replace(whole, releases / number)
    for old in releases.glob(".old-*"):
        number = old.name.removeprefix(".old-")
        if (releases / number).exists():
            _remove(old)
        else:
            os.replace(old, releases / number)
    for aside in releases.glob(".making-*"):
        _remove(aside)
    waiting = pending(releases)
    if waiting is None:
        for path in (releases / ".inside").glob(f"{_CANDIDATE}*"):
            shutil.rmtree(path)
        return
    events = [e for e in ledger.of(releases, waiting) if e["event"] != "revised"]
    last = events[-1] if events else None
    path = candidate(releases, waiting)
    if last is None or not (path / describe.SUMS).exists() or last.get("digest") != digest(path):
        discard(releases, waiting)  # it was never whole
    elif last["event"] == "released":
        settle(releases, waiting)
    elif last["event"] != "candidate":
        discard(releases, waiting)


def _remove(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(folder)
