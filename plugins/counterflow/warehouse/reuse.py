"""What of the last build is what tonight's would be: tables that dbt need not make, and tests that it need not ask, again.

In: dbt's parsed project, the hashes of the sources and the night. Out: by node of dbt a fingerprint of all that its outcome follows
from (the project's files, the versions of dbt and DuckDB, the sources that it reads directly or through other nodes, the night
where it asks for it), and what of the last build may stay: whole, or for all missions but a few (counterflow.warehouse.replacing).

The record of a build is beside it and names it; a build that was not finished, given up or made of a past night has none,
so that the next is made whole. So is one after cases were taken out: no freed page may keep what was in it.

A model says in its `meta` that it is `by_mission`: a row is of one mission, and follows from the rows of that mission in what the model
reads. `goes_on` says of a model of history that what it holds of a mission stays what it is on a later night, if nothing changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from counterflow import disk
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest

RECORD = "nodes.json"
_NIGHT = "macro.counterflow.night"
_EARLIER = "source.counterflow.earlier."
_BUILD = "source.counterflow.build."
_OWN_RESULTS = "dbt_result"  # a source that is an outcome of the build's first half
_READ = (".sql", ".yml", ".csv", ".md")
_VERSIONS = ("dbt-core", "dbt-duckdb", "duckdb")
_FEW = 0.5  # of all missions: of more, all are made at once
SOUND = ("pass", "success")
Tables = Mapping[str, tuple[int, str]]
Sources = Mapping[str, Mapping[str, str]]  # by source and mission, "" for none


class Fingerprint(NamedTuple):
    """The hash of what an outcome follows from; `others` leaves out what is of single missions, where that can be told."""

    whole: str
    others: str | None


@dataclass(frozen=True, slots=True)
class LastBuild:
    """What the record of the last build says; empty if there is none."""

    made: Build | None = None
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)
    missions: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def tables(self) -> Tables:
        """Rows and hashes of its published tables."""
        return self.made.tables if self.made is not None else {}

    def was_sound(self, name: str) -> bool:
        """Whether a node was made, or a test passed."""
        return name not in self.results or self.results[name]["status"] in SOUND


def last_build(settings: Settings, files: Iterable[str]) -> LastBuild:
    """The record, if it is of the build that lies there whole."""
    made = read_manifest(settings.build / MANIFEST)
    path = settings.build / RECORD
    if made is None or not path.exists():
        return LastBuild()
    said = json.loads(path.read_text("utf-8"))
    if said["build_id"] != made.build_id or not all((settings.build / f).exists() for f in files):
        return LastBuild()
    if "missions" not in said:  # of a release that knew no parts
        return LastBuild()
    known = {name: Fingerprint(*both) for name, both in said["fingerprints"].items()}
    return LastBuild(made, known, said["missions"], said["results"])


@dataclass(frozen=True, slots=True)
class Step:
    """How a build came of the one before it: by tables of which it replaced the rows of some missions, and others as a whole."""

    before: str  # its build_id
    missions: tuple[str, ...]
    tables: tuple[str, ...]


def record(
    settings: Settings,
    build_id: str,
    fingerprints: Mapping[str, Fingerprint],
    missions: Mapping[str, str],
    results: Sequence[Mapping[str, Any]],
    step: Step | None,
) -> None:
    """Write down of what a whole build was made. `step`: None if nothing of the one before it was kept."""
    said = {
        "build_id": build_id,
        "step": asdict(step) if step is not None else None,
        "fingerprints": dict(fingerprints),
        "missions": dict(missions),
        "results": {result["unique_id"]: result for result in results},
    }
    disk.write_text(settings.build / RECORD, json.dumps(said, indent=1) + "\n")


def step_to(settings: Settings, build_id: str) -> Step | None:
    """How the build that lies there came of another, None if it was made whole or is not known."""
    path = settings.build / RECORD
    said = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if said.get("build_id") != build_id or not said.get("step"):
        return None
    step = said["step"]
    return Step(step["before"], tuple(step["missions"]), tuple(step["tables"]))


def forget(settings: Settings) -> None:
    """Let the next build be made whole."""
    (settings.build / RECORD).unlink(missing_ok=True)


class Project:
    """dbt's project as it is parsed: what its nodes read, directly or through others."""

    def __init__(self, manifest: Any) -> None:
        self.nodes = manifest.nodes
        self._asking = _asking(manifest.macros, _NIGHT)
        self._reads: dict[tuple[str, str], bool] = {}

    def parents(self, name: str) -> list[str]:
        """What a node reads."""
        return sorted(getattr(self.nodes[name].depends_on, "nodes", []))

    def is_model_by_mission(self, name: str) -> bool:
        """Whether a model or snapshot says so."""
        return name in self.nodes and bool(_meta(self.nodes[name]).get("by_mission"))

    def is_by_mission(self, name: str) -> bool:
        """Whether what a node makes or asks of some missions follows from these missions alone.

        A test does if it looks at nothing else of missions, and does not say that it is `of_all_missions`.
        """
        if name not in self.nodes or self.nodes[name].resource_type != "test":
            return self.is_model_by_mission(name)
        parents = self.parents(name)
        return (
            not _meta(self.nodes[name]).get("of_all_missions")
            and any(map(self.is_model_by_mission, parents))
            and all(self.is_model_by_mission(one) or not self.reads(one, _BUILD) for one in parents)
        )

    def reads(self, name: str, source: str) -> bool:
        """Whether a node reads a source whose name begins so, directly or through others."""
        if name not in self.nodes:
            return name.startswith(source)
        if (name, source) not in self._reads:
            self._reads[name, source] = any(self.reads(one, source) for one in self.parents(name))
        return self._reads[name, source]

    def goes_on(self, name: str) -> bool:
        """Whether what a node holds of a mission stays what it is while nothing of it changes, on later nights too."""
        return bool(_meta(self.nodes[name]).get("goes_on"))

    def reads_history(self, name: str) -> bool:
        """Whether a node reads what was known before tonight."""
        return self.reads(name, _EARLIER)

    def asks_night(self, name: str) -> bool:
        """Whether a node's outcome is another on another night, whatever else is the same."""
        return bool(
            self._asking.intersection(self.nodes[name].depends_on.macros)
        ) and not self.goes_on(name)


def _meta(node: Any) -> Mapping[str, Any]:
    return getattr(node.config, "meta", None) or {}


def fingerprints(
    project: Project, sources: Sources, night: date, folder: Path, key_id: str
) -> dict[str, Fingerprint]:
    """By unique id of a model, seed, snapshot or test: the hash of what its outcome follows from.

    Nodes without one are missing: those that read of the history before tonight what does not go on, and those of dbt's own results.
    """
    common = _sha256(key_id, *_project(folder), *map(metadata.version, _VERSIONS))
    found: dict[str, Fingerprint | None] = {}

    def of(name: str, child: str) -> Fingerprint | None:
        if name.startswith(_EARLIER):
            return Fingerprint(name, name) if project.goes_on(child) else None
        if name.startswith(_BUILD):
            table = name.removeprefix(_BUILD)
            if table == _OWN_RESULTS:
                return None
            said = _sha256(*(f"{m} {h}" for m, h in sorted(sources[table].items())))
            return Fingerprint(said, said if "" in sources[table] else name)
        if name not in found:
            found[name] = made(name)
        return found[name]

    def made(name: str) -> Fingerprint | None:
        parents = [of(one, name) for one in project.parents(name)]
        said = [common, name, str(night) if project.asks_night(name) else ""]
        if None in parents:
            return None
        by_mission = project.is_by_mission(name)
        known = [p for p in parents if p is not None]
        return Fingerprint(
            _sha256(*said, *(p.whole for p in known)),
            _sha256(*said, *(p.others or p.whole for p in known)) if by_mission else None,
        )

    return {name: now for name in project.nodes if (now := of(name, name)) is not None}


def missions(project: Project, sources: Sources) -> dict[str, str]:
    """By mission the hash of all that models by mission read of it."""
    read = {
        parent.removeprefix(_BUILD)
        for name in project.nodes
        if project.is_model_by_mission(name)
        for parent in project.parents(name)
        if parent.startswith(_BUILD)
    }
    codes = sorted({mission for table in read for mission in sources[table]} - {""})
    return {
        code: _sha256(*(f"{table} {sources[table].get(code)}" for table in sorted(read)))
        for code in codes
    }


@dataclass(frozen=True, slots=True)
class Reuse:
    """What of the last build stays whole, and what stays for all missions but those that changed."""

    kept: AbstractSet[str] = frozenset()
    in_part: AbstractSet[str] = frozenset()
    changed: AbstractSet[str] = frozenset()


def reuse(
    project: Project,
    last: LastBuild,
    now: Mapping[str, Fingerprint],
    missions: Mapping[str, str],
    history_goes_on: bool,
) -> Reuse:
    """What may stay. `history_goes_on`: the history before tonight is that of the last build, and tonight is no earlier night."""
    before = {
        name: said
        for name, said in last.fingerprints.items()
        if name in now and (history_goes_on or not project.reads_history(name))
    }
    kept = {name for name, said in before.items() if now[name].whole == said.whole}
    changed = {
        code
        for code in missions.keys() | last.missions.keys()
        if missions.get(code) != last.missions.get(code)
    }
    if not kept or not 0 < len(changed) <= len(missions) * _FEW:
        return Reuse(kept)
    in_part = {
        name
        for name, said in before.items()
        if name not in kept
        and said.others is not None
        and now[name].others == said.others
        and last.was_sound(name)
    }
    return Reuse(kept, in_part, changed)


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
