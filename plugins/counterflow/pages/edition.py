"""What a set of pages is made of, as one short hash: a publication and this program in, an edition out.

Sets of one edition are the same pages, so none is drawn again. In it are the content of every published table, the
contracts, the suites, dbt's project, the releases beside the warehouse, and all files of this package, of the analysts'
guide and of the lock: a page that is wrong because something was left out costs more than one that is drawn for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from counterflow.contracts import contract_files
from counterflow.settings import PROJECT, Settings
from counterflow.warehouse.manifest import Build

_PACKAGE = Path(__file__).resolve().parents[1]
_DBT = ("models", "macros", "seeds", "snapshots", "tests", "dbt_project.yml")
_BESIDE = (PROJECT / "docs" / "analysts.md", PROJECT / "requirements.lock")
_DIGITS = 16


def edition(settings: Settings, published: Build) -> str:
    """The edition of all sets that are made of this publication now. One of another build has the same if it says the same."""
    found = hashlib.sha256()
    found.update(f"{published.night} {sorted(published.tables.items())}".encode())
    # Pages of stewards name places of rows, where they can be read: not on every machine.
    found.update(f" {settings.landing.is_dir()}".encode())
    for path in _files(settings):
        found.update(f"\0{path.name}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:_DIGITS]


def _files(settings: Settings) -> Iterator[Path]:
    """Every file, besides the warehouse, of which a page may be made, always in the same order."""
    yield from contract_files(settings.missions)
    for folder in (
        _PACKAGE,
        settings.expectations,
        *(settings.dbt_project / name for name in _DBT),
    ):
        yield from (path for path in _below(folder) if path.suffix != ".pyc")
    yield from (path for path in _BESIDE if path.is_file())
    yield from sorted(settings.releases.glob("[0-9]*/datapackage.json"))


def _below(folder: Path) -> Iterator[Path]:
    """The file, or every file below the folder."""
    if folder.is_file():
        yield folder
    else:
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
