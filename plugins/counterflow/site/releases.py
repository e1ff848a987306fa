"""Releases that lie beside the warehouse: what each is, and the files that describe it.

In: the folder of releases, and where the site will be. Out: links that hold where both are moved together; none
where the site is made elsewhere, because a path of this machine would help nobody.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

_FILES = (
    ("README.md", "read me"),
    ("report.html", "report, with what was lost"),
    ("datapackage.json", "data package (Frictionless)"),
    ("croissant.json", "Croissant metadata"),
    ("ddi.xml", "codebook (DDI)"),
    ("hxl/microdata.csv", "microdata with HXL tags"),
    ("codes.csv", "codes"),
    ("SHA256SUMS", "hashes"),
)


@dataclass(frozen=True, slots=True)
class Release:
    """One release: `files` are (where, words); `where` is empty if it cannot be linked."""

    number: str
    title: str
    night: str
    files: tuple[tuple[str, str], ...]


def releases(folder: Path, out: Path, home: Path) -> list[Release]:
    """Every release in `folder`, the newest first."""
    beside = out.is_relative_to(home.absolute())
    found = []
    for path in sorted(folder.glob("[0-9]*"), reverse=True):
        try:
            said = json.loads((path / "datapackage.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue  # `counterflow release verify` says what is wrong with it
        base = Path(os.path.relpath(path, out)).as_posix()
        files = tuple(
            (f"{base}/{name}" if beside else "", told)
            for name, told in _FILES
            if (path / name).exists()
        )
        found.append(Release(path.name, str(said["title"]), str(said["created"])[:10], files))
    return found
