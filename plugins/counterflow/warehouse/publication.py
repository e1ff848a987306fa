"""Publication: a copy of the built file takes the place of `warehouse.duckdb` in one rename.

In: a build whose gates have passed. Out: the published file, plain or with a key of its own, and the
last ones kept beside it. A reader that has the old file open keeps it to its end; who opens it now
sees the new one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from counterflow import disk, sealing
from counterflow.sealing import Seal, is_sealed
from counterflow.settings import Settings
from counterflow.warehouse.gates import PASSED, GateFailed, GateResult
from counterflow.warehouse.hashes import same_rows
from counterflow.warehouse.manifest import (
    MANIFEST,
    PUBLISHED,
    Build,
    is_published,
    kept_as,
    read_manifest,
)
from counterflow.warehouse.replacing import follow
from counterflow.warehouse.reuse import Step, step_to
from counterflow.warehouse.rewriting import remove, rewrite

FILE = PUBLISHED
KEY_FILE = "warehouse.key"  # beside the master key, if what is published is encrypted


@dataclass(frozen=True, slots=True)
class Publication:
    """What analysts open from now on. `changed` names the tables whose content is new."""

    night: date
    path: Path
    build_id: str
    changed: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """For logs and XCom."""
        return {"night": str(self.night), "build_id": self.build_id, "changed": list(self.changed)}


def publish(settings: Settings, night: date) -> Publication:
    """Publish the build of `night`. Raises GateFailed unless exactly this build passed its gates."""
    built = read_manifest(settings.build / MANIFEST)
    target = settings.warehouse / FILE
    published = read_manifest(settings.warehouse / MANIFEST)
    if built is not None and published is not None and built.build_id == published.build_id:
        return Publication(night, target, built.build_id, ())  # a retry: it is published already
    passed = _gated(settings)
    if built is None or built.night != night or passed.get("build_id") != built.build_id:
        raise _refused(
            f"the build of {night} has not passed the gates; another run may have built since"
        )
    source = settings.build / FILE
    copy = kept_as(settings, built)
    kept = copy.parent
    kept.mkdir(parents=True, exist_ok=True)
    before = published.tables if published else {}
    changed = tuple(n for n, t in built.tables.items() if before.get(n, (0, ""))[1] != t[1])
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(disk.sha256, source)
        try:
            aside = _copied(settings, source, built, published, changed)
        finally:  # a file that was changed since may not even be one that can be copied
            if digest.result() != passed.get("sha256"):
                _clear(settings)
                raise _refused("the build is not what passed the gates: its file has other bytes")
    _after_all(aside, kept)
    copy.unlink(missing_ok=True)
    os.link(aside, copy)
    disk.replace(aside, target)
    disk.write_text(settings.warehouse / MANIFEST, (settings.build / MANIFEST).read_text("utf-8"))
    _prune(kept, settings.kept_publications)
    return Publication(night, target, built.build_id, changed)


def _refused(problem: str) -> GateFailed:
    return GateFailed([GateResult("publish", False, problem)])


def _copied(
    settings: Settings, source: Path, built: Build, published: Build | None, changed: Sequence[str]
) -> Path:
    """The build as analysts will open it, beside what they open now; whole and on the disk.

    Where the build came of the one that is published, what changed is changed in a copy of that: most of a large file is
    then not written anew by DuckDB, but copied by the system.
    """
    _clear(settings)
    seal, aside = Seal.of(settings), settings.warehouse / f".{FILE}-{built.build_id}"
    purpose = sealing.PUBLISHED if settings.encrypt_warehouse else None
    step = step_to(settings, built.build_id)
    if step is not None and published is not None and _goes_on(settings, published, step):
        shutil.copyfile(settings.warehouse / FILE, aside)
        follow(seal, aside, source, step, changed)
    else:
        rewrite(seal, source, aside, purpose=purpose)
    with seal.opened(aside) as connection:
        seal.attach(connection, source, "build")
        sound = same_rows(connection, "warehouse", "build")
    if not sound:
        remove(aside)
        raise _refused("the copy for analysts is not what passed the gates: its rows are others")
    if settings.encrypt_warehouse:
        hand_out(seal, settings.keys / KEY_FILE)
    return aside


def _clear(settings: Settings) -> None:
    """Remove copies that were not published."""
    for left in settings.warehouse.glob(f".{FILE}-*"):
        left.unlink()


def _goes_on(settings: Settings, published: Build, step: Step) -> bool:
    """Whether what is published is what the build came of, sealed or plain as it is to be."""
    return (
        published.build_id == step.before
        and is_published(settings, published)
        and is_sealed(settings.warehouse / FILE) == settings.encrypt_warehouse
    )


def hand_out(seal: Seal, path: Path) -> None:
    """The key of the encrypted publication, for analysts: of this file and of nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # the keys may be elsewhere
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(seal.analysts_key() + "\n")
    disk.replace(aside, path)


def _gated(settings: Settings) -> Mapping[str, str]:
    """The build that passed its gates, and the hash of its file; empty if none did."""
    try:
        found: dict[str, str] = json.loads((settings.build / PASSED).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _after_all(aside: Path, kept: Path) -> None:
    """Give a publication a time after those of all kept ones, though the clock was put back."""
    newest = max((path.stat().st_mtime_ns for path in kept.glob("warehouse-*.duckdb")), default=0)
    now = aside.stat().st_mtime_ns
    if now <= newest:
        os.utime(aside, ns=(now, newest + 1))


def _prune(kept: Path, count: int) -> None:
    """Keep the newest publications: by time of publication, which a night that is run again makes newest."""
    files = sorted(kept.glob("warehouse-*.duckdb"), key=lambda p: (p.stat().st_mtime_ns, p.name))
    for path in files[:-count]:
        path.unlink()
