"""The ledger of releases: what became of every candidate, in a file that is only ever added to.

In: an event and what is to be remembered of it. Out: one line of `releases/ledger.jsonl`, which holds the
hash of the line before it: a line that is changed or taken out breaks the chain. Counts only, no cases.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from counterflow import disk

FILE = "ledger.jsonl"
FIRST = "0" * 64
EVENTS = ("candidate", "refused", "rejected", "released", "revised", "abandoned")
Entry = dict[str, Any]


def append(releases: Path, event: str, number: str, **told: Any) -> Entry:
    """Add a line, and see it on the disk before going on."""
    assert event in EVENTS
    path = releases / FILE
    mend(releases)
    lines = _lines(path)
    previous = hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST
    entry: Entry = {"place": len(lines) + 1, "event": event, "number": number, **told}
    entry["previous"] = previous
    text = json.dumps(entry, sort_keys=True, default=str)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # a full disk may have taken half of it
        mend(releases)
        raise
    if not lines:
        disk.sync(releases)
    return entry


def mend(releases: Path) -> bool:
    """Take away half a line that a kill or a full disk left at the end: nobody went on from it."""
    path = releases / FILE
    data = path.read_bytes() if path.exists() else b""
    whole = data.rpartition(b"\n")[0] + b"\n" if b"\n" in data else b""
    if data == whole:
        return False
    os.truncate(path, len(whole))
    return True


def read(releases: Path) -> list[Entry]:
    """All lines, oldest first."""
    return [json.loads(line) for line in _lines(releases / FILE)]


def broken(releases: Path) -> list[str]:
    """What is wrong with the chain; nothing if it is whole."""
    return list(_broken(_lines(releases / FILE)))


def _broken(lines: list[bytes]) -> Iterator[str]:
    previous = FIRST
    for place, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            yield f"line {place} cannot be read"
            return
        if entry.get("previous") != previous or entry.get("place") != place:
            yield f"line {place} does not follow the line before it: a line was changed or taken out"
        previous = hashlib.sha256(line).hexdigest()


def of(releases: Path, number: str) -> list[Entry]:
    """All lines about one number."""
    return [entry for entry in read(releases) if entry["number"] == number]


def standing(releases: Path, number: str) -> Entry | None:
    """The line that says what the release holds now: its last `released` or `revised`."""
    found = [e for e in of(releases, number) if e["event"] in ("released", "revised")]
    return found[-1] if found else None


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line]
    except FileNotFoundError:
        return []
