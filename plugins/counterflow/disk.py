"""What is on the disk for good, in which order: names that replace names, and disks that take no more.

In: a file or folder that is whole, made aside. Out: the same under its name, so that neither a kill nor a loss of
power leaves a name without its content. Linux may write a rename to the disk before what was renamed: a
record would then name an export of empty files. What DuckDB and Parquet write goes the same way.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

_TOGETHER = 8  # files that are written to the disk at once
# By number: what the system says of a disk that takes no more, and what to do.
_REFUSED = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space, or have it raised",
    errno.EROFS: "the disk is read-only: see why it was mounted so (a disk that fails often is)",
    errno.EFBIG: "a file grew beyond the largest size that is allowed (ulimit -f): raise it",
}


def replace(aside: Path, final: Path) -> None:
    """Let what is whole, a file or a folder with all that is in it, take its place, for good."""
    settle(aside)
    os.replace(aside, final)
    sync(final.parent)


def write_text(path: Path, text: str) -> None:
    """Replace a file by one with this text: a reader sees the old or the new one."""
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        aside.write_text(text, "utf-8")
        replace(aside, path)
    except BaseException:
        with suppress(OSError):  # a disk that is read-only lets nothing go either
            aside.unlink()
        raise


def settle(path: Path) -> None:
    """Have the content of a file, or of every file below a folder, written to the disk.

    Many at a time: the system writes what waits for it together, some eight times faster than one after the other.
    """
    if path.is_dir():
        inside = [one for one in path.rglob("*") if not one.is_symlink()]
        with ThreadPoolExecutor(_TOGETHER) as threads:
            for _ in threads.map(sync, inside):
                pass
    sync(path)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def number(text: str) -> int | None:
    """Of which of these refusals a library's message speaks: DuckDB hands on only the system's words."""
    return next((number for number in _REFUSED if os.strerror(number) in text), None)


def refused(error: BaseException) -> str | None:
    """What to do about a disk that took no more, in one line; None for any other error.

    DuckDB says it by the system's words, in errors of several kinds.
    """
    found = error.errno if isinstance(error, OSError) else None
    if type(error).__module__ in ("duckdb", "_duckdb"):
        found = number(str(error))
    return None if found not in _REFUSED else what_to_do(found)


def what_to_do(number: int) -> str:
    """The line about one of them."""
    return f"{_REFUSED[number]}, then run it again; what was published stays. See docs/runbooks/disk_full.md"
