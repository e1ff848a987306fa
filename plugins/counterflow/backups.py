"""Backup and restore: what must not be lost, in one encrypted file; and nobody who was erased comes back with it.

In: settings and a folder outside of the home. Out: `counterflow-<night>-<time>.age`, a tar that only the master key opens, its
description beside it, and `erasures.json`: who was erased by now, rewritten by every erasure, so that an archive that is
older than an erasure is still restored without the case. The keys are in none of them.

An archive is encrypted to an identity of age of its own; that is sealed with a key derived from the master key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
from cryptography.fernet import Fernet, InvalidToken

from counterflow import disk, formats, keys, suppression
from counterflow.landing import Landing
from counterflow.locks import exclusive
from counterflow.nights import newest
from counterflow.purging import purge
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse import lake
from counterflow.warehouse.manifest import published_night

KEPT = (
    "landing",
    "releases",
    "erasures",
    "nights",
    "warehouse",
)  # build/ is made anew by any night
ERASURES = "erasures.json"
ASIDE = ".restoring"
_PAGE = "See docs/runbooks/restore.md"


class BackupRefusedError(Exception):
    """A backup cannot be written or restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One archive, as its description says."""

    path: Path
    night: str
    when: str
    key_id: str
    files: int
    sha256: str
    identity: str  # sealed

    def to_dict(self) -> dict[str, Any]:
        """For `--json`; the sealed identity is of no use to a reader."""
        return {
            "path": str(self.path), "night": self.night, "when": self.when, "key_id": self.key_id,
            "files": self.files, "sha256": self.sha256,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and how many erased cases were kept out."""

    backup: Backup
    erased: int
    purged: int


def backup(settings: Settings, folder: Path, keep_days: int = 30) -> Backup:
    """Write an archive of the home into `folder`, and remove those older than `keep_days` days there.

    It waits for a night that runs, and a night waits for it.
    """
    folder = folder.resolve()
    if folder.is_relative_to(settings.home):
        raise BackupRefusedError(
            f"{folder} is inside {settings.home}: name a folder on another disk. {_PAGE}"
        )
    ring = keys.keyring(settings)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".counterflow-*"):
        left.unlink()
    now = datetime.now(UTC)
    with _alone(settings):
        night = published_night(settings) or newest(settings)
        name = f"counterflow-{night or 'nothing'}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}.age"
        identity = pyrage.x25519.Identity.generate()
        aside = folder / f".{name}"
        files = _archive(settings, aside, identity)
        write_erasures(settings, folder)
    with aside.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    os.replace(aside, folder / name)
    sealed = _fernet(ring).encrypt(str(identity).encode()).decode()
    made = Backup(
        folder / name,
        str(night or ""),
        now.isoformat(timespec="seconds"),
        ring.key_id,
        files,
        digest,
        sealed,
    )
    description = {**made.to_dict(), "path": name, "identity": sealed, "format": formats.LANDING}
    _write(folder / f"{name}.json", description)
    with exclusive(settings.build_lock):  # which hands it to other machines: they erase, too
        settings.backups.parent.mkdir(parents=True, exist_ok=True)
        with settings.backups.open("a", encoding="utf-8") as file:
            line = {"when": made.when, "night": made.night, "folder": str(folder), "file": name}
            file.write(json.dumps(line) + "\n")
    _prune(folder, now - timedelta(days=keep_days), made.path)
    return made


def restore(settings: Settings, folder: Path, file: str | None = None) -> Restored:
    """Bring the newest archive of `folder` (or `file`) back into a home that has landed nothing.

    Who was erased since is taken out before anything is in its place. Killed anywhere, the same call does it again.
    """
    _refuse_landed(settings)
    chosen = _chosen(folder, file)
    ring = keys.keyring(settings)
    if ring.key_id != chosen.key_id:
        raise BackupRefusedError(
            f"{chosen.path.name} was written under the master key {chosen.key_id}, and this one is {ring.key_id}: restore "
            f"{chosen.key_id} from its own backup. {_PAGE}"
        )
    with chosen.path.open("rb") as archive:
        if hashlib.file_digest(archive, "sha256").hexdigest() != chosen.sha256:
            raise BackupRefusedError(
                f"{chosen.path.name} is damaged: its bytes are not those that were written. {_PAGE}"
            )
    erased = _erasures(ring, folder)
    aside = settings.home / ASIDE
    with _alone(settings):
        _refuse_landed(settings)  # what the store holds is here only now
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        _unpack(chosen, _fernet(ring), aside)
        formats.refuse_newer(aside)
        unpacked = replace(settings, home=aside, store=None, warehouse_shape="file")
        purged = _without(unpacked, settings.keys, erased)
        _put_in_place(settings, aside)
        lake.follow(settings)
    return Restored(chosen, len(erased), purged)


def _refuse_landed(settings: Settings) -> None:
    if any(settings.landing.glob("*/exports/*")):
        where = f"{settings.landing} holds landed exports: move the whole home away first, and put its keys back"
        if settings.store is not None:
            where = f"{settings.store} holds landed exports: empty it first, or name another prefix, and begin with an empty home"
        raise BackupRefusedError(f"{where}. {_PAGE}")


def listed(folder: Path) -> list[Backup]:
    """The whole archives of a folder, the newest last."""
    found = []
    for path in folder.glob("counterflow-*.age.json"):
        said = json.loads(path.read_text("utf-8"))
        place = path.with_suffix("")
        if place.exists():
            fields = {
                k: said[k] for k in ("night", "when", "key_id", "files", "sha256", "identity")
            }
            found.append(Backup(path=place, **fields))
    return sorted(found, key=lambda one: (one.when, one.path.name))


def tell_backups(settings: Settings) -> list[str]:
    """After an erasure: let every folder that archives were written to know; those that could not be."""
    untold = []
    for folder in _folders(settings):
        try:
            write_erasures(settings, Path(folder))
        except OSError:
            untold.append(folder)
    return untold


def write_erasures(settings: Settings, folder: Path) -> None:
    """Everybody who was erased, with what the folder knows already, sealed: tokens and no keys."""
    ring, seal = keys.keyring(settings), Seal.of(settings)
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    known = set(_erasures(ring, folder, missing_ok=True))
    for place in sorted(settings.landing.glob("[A-Z][A-Z][A-Z]")):
        table = suppression.erased(seal, Landing(settings.landing, place.name))
        for row in table.to_pylist():
            known.add((place.name, row[suppression.TOKEN], str(row["night"]), row["receipt"]))
    sealed = _fernet(ring).encrypt(json.dumps(sorted(known)).encode()).decode()
    _write(folder / ERASURES, {"key_id": ring.key_id, "sealed": sealed})


Erased = tuple[str, str, str, str]  # mission, token, night, receipt


def _erasures(ring: keys.Keyring, folder: Path, missing_ok: bool = False) -> list[Erased]:
    try:
        said = json.loads((folder / ERASURES).read_text("utf-8"))
    except FileNotFoundError:
        if missing_ok:
            return []
        raise BackupRefusedError(
            f"{ERASURES} is not in {folder}: without it who was erased since would come back. Bring the newest copy of it. {_PAGE}"
        ) from None
    try:
        rows = json.loads(_fernet(ring).decrypt(said["sealed"].encode()))
    except (InvalidToken, KeyError):
        if missing_ok:  # of before a rotation: what is erased is in landing, under the new key
            return []
        raise BackupRefusedError(
            f"{ERASURES} does not open with the master key {ring.key_id}: it is of {said.get('key_id', 'another')}. {_PAGE}"
        ) from None
    return [(str(a), str(b), str(c), str(d)) for a, b, c, d in rows]


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """No night, build, release, erasure or retention meanwhile."""
    locks = [settings.night_lock, settings.build_lock]
    if settings.releases.is_dir() or settings.store is not None:
        locks.append(settings.release_lock)
    locks.append(settings.landing_lock)
    if settings.store is not None:  # what of it other machines made is here once its lock is held
        locks.append(settings.nights_lock)
    with ExitStack() as stack:
        for lock in locks:
            stack.enter_context(exclusive(lock))
        yield


def _archive(settings: Settings, target: Path, identity: Any) -> int:
    """Stream a tar of the home through age into `target`; how many files. Nothing plain touches the other disk."""
    reading, writing = os.pipe()
    counted, failed = [0], []

    def pack() -> None:
        try:
            with os.fdopen(writing, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
                for path in _files(settings):
                    tar.add(path, str(path.relative_to(settings.home)), recursive=False)
                    counted[0] += 1
        except OSError as error:
            failed.append(error)

    packer = threading.Thread(target=pack)
    packer.start()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(reading, "rb") as source, os.fdopen(descriptor, "wb") as sealed:
        try:
            pyrage.encrypt_io(source, sealed, [identity.to_public()])
        finally:
            source.close()
            packer.join()
    if failed:
        target.unlink()
        raise failed[0]
    return counted[0]


def _files(settings: Settings) -> Iterator[Path]:
    """What is kept; what a killed run left is not, nor are locks."""
    yield from (path for path in (settings.home / formats.FILE,) if path.exists())
    for name in KEPT:
        for path in sorted((settings.home / name).rglob("*")):
            inside = path.relative_to(settings.home / name).parts
            hidden = any(part.startswith(".") for part in inside) and name != "releases"
            if (
                path.is_file()
                and not path.is_symlink()
                and not hidden
                and path.suffix != ".lock"
                and path.name != ".lock"
            ):
                yield path


def _unpack(chosen: Backup, fernet: Fernet, aside: Path) -> None:
    try:
        identity = pyrage.x25519.Identity.from_str(
            fernet.decrypt(chosen.identity.encode()).decode()
        )
    except InvalidToken:
        raise BackupRefusedError(
            f"the description of {chosen.path.name} was changed, or is of another key. {_PAGE}"
        ) from None
    reading, writing = os.pipe()
    failed: list[str] = []

    def decrypt() -> None:
        try:
            with chosen.path.open("rb") as source, os.fdopen(writing, "wb") as out:
                pyrage.decrypt_io(source, out, [identity])
        except (pyrage.DecryptError, OSError) as error:
            failed.append(type(error).__name__)

    opener = threading.Thread(target=decrypt)
    opener.start()
    with os.fdopen(reading, "rb") as source:
        try:
            with tarfile.open(fileobj=source, mode="r|") as tar:
                tar.extractall(aside, filter="data")
            while source.read(1 << 20):
                pass  # the padding after the last file: the end of the archive is checked too
        except tarfile.TarError as error:
            failed.append(type(error).__name__)
        finally:
            source.close()
            opener.join()
    if failed:
        raise BackupRefusedError(f"{chosen.path.name} cannot be opened ({failed[0]}). {_PAGE}")


def _without(restored: Settings, own_keys: Path, erased: list[Erased]) -> int:
    """Take who was erased since out of what was unpacked, where nobody sees it yet; how many files were changed."""
    if restored.key_source == "files":
        restored.keys.symlink_to(own_keys)
    seal = Seal.of(restored)
    by_receipt: dict[tuple[str, str, str], list[str]] = {}
    for mission, token, night, receipt in erased:
        by_receipt.setdefault((mission, night, receipt), []).append(token)
    for (mission, night, receipt), tokens in sorted(by_receipt.items()):
        landing = Landing(restored.landing, mission)
        suppression.remember(seal, landing, tokens, date.fromisoformat(night), receipt)
    removed = purge(restored, on_request=True) if erased else []
    restored.keys.unlink(missing_ok=True)
    return len(removed)


def _put_in_place(settings: Settings, aside: Path) -> None:
    """Rename what was unpacked to where it belongs, landing last: while it is not there, a restore begins anew."""
    for name in (formats.FILE, *KEPT[1:], KEPT[0]):
        source, target = aside / name, settings.home / name
        if not source.exists():
            continue
        if target.is_dir():
            shutil.rmtree(target)
        disk.replace(source, target)
    shutil.rmtree(aside)


def _chosen(folder: Path, file: str | None) -> Backup:
    found = [one for one in listed(folder) if file is None or one.path.name == file]
    if not found:
        raise BackupRefusedError(
            f"there is no whole archive{f' {file}' if file else ''} in {folder}. {_PAGE}"
        )
    return found[-1]


def _prune(folder: Path, before: datetime, newest_path: Path) -> None:
    for one in listed(folder):
        if datetime.fromisoformat(one.when) < before and one.path != newest_path:
            one.path.with_name(f"{one.path.name}.json").unlink()
            one.path.unlink()


def _folders(settings: Settings) -> list[str]:
    try:
        lines = settings.backups.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return sorted({str(json.loads(line)["folder"]) for line in lines})


def _fernet(ring: keys.Keyring) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(keys.derive(ring.master, keys.AGENCY, "backup")))


def _write(path: Path, data: dict[str, Any]) -> None:
    aside = path.with_name(f".counterflow-{secrets.token_hex(4)}")
    aside.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    os.replace(aside, path)
