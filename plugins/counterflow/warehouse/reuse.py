"""What of the last build is what tonight's would be: tables that dbt need not make, and tests that it need not ask, again.

In: dbt's parsed project, the hashes of the sources and the night. Out: by node of dbt a fingerprint of all that its outcome follows
from (the project's files, the versions of dbt and DuckDB, the sources that it reads directly or through other nodes, the night
where it asks for it), and which nodes have another one than in the last build. A node that reads the history before tonight has none: it is made each night.

The record of a build is beside it and names it; a build that was not finished, given up or made of a past night has none,
so that the next is made whole. So is one after cases were taken out: no freed page may keep what was in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from counterflow import disk
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest

RECORD = "nodes.json"
_NIGHT = "macro.counterflow.night"
_EARLIER = "source.counterflow.earlier."
_BUILD = "source.counterflow.build."
_OWN_RESULTS = "dbt_result"  # a source that is an outcome of the build's first half
_READ = (".sql", ".yml", ".csv", ".md")
_VERSIONS = ("dbt-core", "dbt-duckdb", "duckdb")
Tables = Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class LastBuild:
    """What the record of the last build says; empty if there is none."""

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)


def last_build(settings: Settings, files: Iterable[str]) -> LastBuild:
    """The record, if it is of the build that lies there whole."""
    made = read_manifest(settings.build / MANIFEST)
    path = settings.build / RECORD
    if made is None or not path.exists():
        return LastBuild()
    said = json.loads(path.read_text("utf-8"))
    if said["build_id"] != made.build_id or not all((settings.build / f).exists() for f in files):
        return LastBuild()
    return LastBuild(said["fingerprints"], said["results"], made.tables)


def record(
    settings: Settings,
    build_id: str,
    fingerprints: Mapping[str, str],
    results: Sequence[Mapping[str, Any]],
) -> None:
    """Write down of what a whole build was made."""
    said = {
        "build_id": build_id,
        "fingerprints": dict(fingerprints),
        "results": {result["unique_id"]: result for result in results},
    }
    disk.write_text(settings.build / RECORD, json.dumps(said, indent=1) + "\n")


def forget(settings: Settings) -> None:
    """Let the next build be made whole."""
    (settings.build / RECORD).unlink(missing_ok=True)


def fingerprints(
    manifest: Any, sources: Mapping[str, str], night: date, project: Path, key_id: str
) -> dict[str, str]:
    """By unique id of a model, seed, snapshot or test: the hash of what its outcome follows from.

    Nodes without one are missing: those that read what was known before tonight, and those of dbt's own results.
    """
    common = _sha256(key_id, *_project(project), *map(metadata.version, _VERSIONS))
    asking = _asking(manifest.macros, _NIGHT)
    found: dict[str, str | None] = {}

    def of(name: str) -> str | None:
        if name.startswith(_EARLIER):
            return None
        if name.startswith(_BUILD):
            table = name.removeprefix(_BUILD)
            return None if table == _OWN_RESULTS else sources[table]
        if name not in found:
            node = manifest.nodes[name]
            parents = [of(one) for one in sorted(getattr(node.depends_on, "nodes", []))]
            asks = asking.intersection(node.depends_on.macros)
            said = [common, name, str(night) if asks else ""]
            found[name] = (
                None if None in parents else _sha256(*said, *(p for p in parents if p is not None))
            )
        return found[name]

    return {name: now for name in manifest.nodes if (now := of(name)) is not None}


def _asking(macros: Mapping[str, Any], asked: str) -> set[str]:
    """The macros that call `asked`, directly or through others, and itself."""
    found = {asked}
    while more := {
        name
        for name, macro in macros.items()
        if name not in found and found.intersection(macro.depends_on.macros)
    }:
        found |= more
    return found


def _project(folder: Path) -> tuple[str, ...]:
    files = (p for p in sorted(folder.rglob("*")) if p.suffix in _READ and p.is_file())
    return _hashed(tuple((p, p.stat().st_mtime_ns) for p in files))


@lru_cache(maxsize=2)
def _hashed(files: tuple[tuple[Path, int], ...]) -> tuple[str, ...]:
    return tuple(
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path, _ in files
    )


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
