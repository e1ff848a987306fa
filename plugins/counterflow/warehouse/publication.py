"""Publication: a copy of the built file takes the place of `warehouse.duckdb` in one rename.

In: a build whose gates have passed. Out: the published file, plain or with a key of its own, and the
last ones kept beside it. A reader that has the old file open keeps it to its end; who opens it now
sees the new one.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from counterflow import disk
from counterflow.sealing import PUBLISHED, Seal
from counterflow.settings import Settings
from counterflow.warehouse.gates import PASSED, GateFailed, GateResult
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest
from counterflow.warehouse.rewriting import remove, rewrite

FILE = "warehouse.duckdb"
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
    if built is None or built.night != night or _gated(settings) != built.build_id:
        problem = f"the build of {night} has not passed the gates; another run may have built since"
        raise GateFailed([GateResult("publish", False, problem)])
    kept = settings.warehouse / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    source = settings.build / FILE
    aside = _copied(settings, source, built)
    copy = kept / f"warehouse-{night:%Y%m%d}-{built.build_id}.duckdb"
    _after_all(aside, kept)
    copy.unlink(missing_ok=True)
    os.link(aside, copy)
    disk.replace(aside, target)
    disk.write_text(settings.warehouse / MANIFEST, (settings.build / MANIFEST).read_text("utf-8"))
    _prune(kept, settings.kept_publications)
    before = published.tables if published else {}
    changed = tuple(n for n, t in built.tables.items() if before.get(n, (0, ""))[1] != t[1])
    return Publication(night, target, built.build_id, changed)


def _copied(settings: Settings, source: Path, built: Build) -> Path:
    """The build as analysts will open it, beside what they open now; whole and on the disk."""
    for left in settings.warehouse.glob(f".{FILE}-*"):
        left.unlink()
    seal, aside = Seal.of(settings), settings.warehouse / f".{FILE}-{built.build_id}"
    purpose = PUBLISHED if settings.encrypt_warehouse else None
    rewrite(seal, source, aside, purpose=purpose)
    with seal.opened(aside) as connection:
        differing = content_hashes(connection) != built.tables
    if differing:
        remove(aside)
        problem = "the build is not what passed the gates: its content differs from the manifest"
        raise GateFailed([GateResult("publish", False, problem)])
    if settings.encrypt_warehouse:
        hand_out(seal, settings.keys / KEY_FILE)
    return aside


def hand_out(seal: Seal, path: Path) -> None:
    """The key of the encrypted publication, for analysts: of this file and of nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # the keys may be elsewhere
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(seal.analysts_key() + "\n")
    disk.replace(aside, path)


def _gated(settings: Settings) -> str | None:
    try:
        passed = json.loads((settings.build / PASSED).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return str(passed["build_id"])


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
