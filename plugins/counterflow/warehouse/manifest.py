"""The manifest of a build: its night and the rows and content hash of every published table.

In: a `Build`. Out: `manifest.json` beside the file it describes, and the same read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from counterflow import disk
from counterflow.settings import Settings

MANIFEST = "manifest.json"
PUBLISHED = "warehouse.duckdb"


@dataclass(frozen=True, slots=True)
class Build:
    """What was built: `tables` maps `schema.table` to (rows, content hash)."""

    night: date
    build_id: str
    tables: Mapping[str, tuple[int, str]]
    failed_tests: tuple[str, ...]
    seconds: float

    def to_text(self) -> str:
        """As it is written down."""
        data = {
            "night": str(self.night),
            "build_id": self.build_id,
            "failed_tests": self.failed_tests,
            "seconds": round(self.seconds, 3),
            "tables": self.tables,
        }
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Build:
        """What was written down."""
        data = json.loads(text)
        tables = {name: (rows, digest) for name, (rows, digest) in data["tables"].items()}
        night = date.fromisoformat(data["night"])
        return cls(night, data["build_id"], tables, tuple(data["failed_tests"]), data["seconds"])

    def to_dict(self) -> dict[str, Any]:
        """Counts only, for logs and XCom."""
        rows = sum(rows for rows, _ in self.tables.values())
        return {
            "night": str(self.night),
            "build_id": self.build_id,
            "tables": len(self.tables),
            "rows": rows,
            "failed_tests": list(self.failed_tests),
            "seconds": round(self.seconds, 2),
        }


def read_manifest(path: Path) -> Build | None:
    """The manifest at `path`, None if there is none."""
    try:
        return Build.from_text(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def write_manifest(path: Path, made: Build) -> None:
    """Replace the manifest at `path` in one step."""
    disk.write_text(path, made.to_text())


def published_night(settings: Settings) -> date | None:
    """The night of the warehouse that analysts open, None before the first publication."""
    published = read_manifest(settings.warehouse / MANIFEST)
    return published.night if published else None


def built_night(settings: Settings) -> date | None:
    """The night of the last build, None if there is none."""
    built = read_manifest(settings.build / MANIFEST)
    return built.night if built else None


def kept_as(settings: Settings, made: Build) -> Path:
    """The second name of the file that a build was published as."""
    return settings.warehouse / "kept" / f"warehouse-{made.night:%Y%m%d}-{made.build_id}.duckdb"


def is_published(settings: Settings, made: Build) -> bool:
    """Whether what analysts open is this build, with all that was in it, and not an earlier file that was put back."""
    said, file = read_manifest(settings.warehouse / MANIFEST), settings.warehouse / PUBLISHED
    kept = kept_as(settings, made)
    if said is None or (said.build_id, said.tables) != (made.build_id, made.tables):
        return False
    return file.exists() and kept.exists() and file.samefile(kept)
