"""Sets of pages, each replaced as a whole: `$COUNTERFLOW_HOME/pages/<name>/`.

In: a name, the edition (counterflow.pages.edition), and a function that writes files into a folder. Out: a link of that
name to the finished folder. The link is replaced in one rename, so a reader sees the old set or the new one and never
half of either; who has a file of the old one open reads it to its end.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from counterflow import disk
from counterflow.locks import exclusive
from counterflow.settings import Settings

_NAME = re.compile(r"[a-z][a-z_]*")


def replace(settings: Settings, name: str, edition: str, build: Callable[[Path], None]) -> Path:
    """Build a set beside the one that is there, and let it take its place.

    `edition` is of lower-case letters and digits. Whatever `build` raises is raised, and what was there stays.
    """
    final = _place(settings, name)
    final.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.pages / f".{name}.lock"):
        aside = final.with_name(f".{name}-{edition}-{secrets.token_hex(4)}")
        aside.mkdir()
        try:
            build(aside)
            disk.settle(aside)
            link = final.with_name(f".{name}-link-{secrets.token_hex(4)}")
            link.symlink_to(aside.name)
            os.replace(link, final)
            disk.sync(final.parent)
        except BaseException:
            with suppress(OSError):
                shutil.rmtree(aside)
            raise
        _sweep(final, aside)
    return final


def edition(settings: Settings, name: str) -> str:
    """The edition of the set on the shelf; empty if there is none."""
    try:
        target = _place(settings, name).readlink().name
    except OSError:
        return ""
    return target.removeprefix(f".{name}-").rpartition("-")[0]


def find(settings: Settings, name: str, path: str) -> Path | None:
    """The file of a set at `path`, `index.html` of a folder; None for what is not there, or not in the set."""
    if not _NAME.fullmatch(name) or "\0" in path:
        return None
    try:
        folder = _place(settings, name).resolve(strict=True)
        found = (folder / path).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if found.is_dir():
        found = found / "index.html"
    return found if found.is_relative_to(folder) and found.is_file() else None


def released(settings: Settings, number: str, path: str) -> Path | None:
    """The file of a release at `path`; None for what is none, as a candidate, or what is remembered inside."""
    if not re.fullmatch(r"\d{3,}", number, re.ASCII) or "\0" in path:
        return None
    try:
        folder = (settings.releases / number).resolve(strict=True)
        found = (folder / path).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return found if found.is_relative_to(folder) and found.is_file() else None


def _place(settings: Settings, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"a set of pages is named in small letters, not `{name}`")
    return settings.pages / name


def _sweep(final: Path, kept: Path) -> None:
    """Remove older folders of the set, and what killed builds left."""
    pattern = re.compile(
        rf"\.{re.escape(final.name)}-(?:[0-9a-z]+-[0-9a-f]{{8}}|link-[0-9a-f]{{8}})"
    )
    for path in final.parent.iterdir():
        if path == kept or not pattern.fullmatch(path.name):
            continue
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
