"""Finding and fetching a mission's export: a contract and a night in, a delivery out.

`Transport` is the interface; `FolderTransport` serves a folder with one folder per mission. The
newest export whose name carries a date up to the night is the one that counts.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from counterflow.contracts import Contract
from counterflow.sources.errors import Refused

_NIGHT = re.compile(r"\{night:([^}]*)\}")
_PLACE = re.compile(r"\{night:[^}]*\}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """One export as it lies at its source. `night` is the date in its name."""

    mission: str
    name: str
    night: date
    size: int
    location: str


class Transport(Protocol):
    """What a way of fetching must offer."""

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The newest delivery dated up to `night`; None if the mission has delivered nothing."""

    def sha256(self, delivery: Delivery) -> str:
        """The hash of the delivered bytes, hexadecimal, without keeping them."""

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The bytes; raises Refused if there are more than `limit`."""


class FolderTransport:
    """Exports in `root/<MISSION>/<path of the contract>`: a mounted or synthetic folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The newest file whose dated name fits the contract's path; ties by name."""
        folder = self.root / contract.mission
        pattern = contract.source.path
        found: list[tuple[date, str, Path]] = []
        for path in folder.glob(_PLACE.sub("*", pattern)):
            dated = _dated(pattern, path.relative_to(folder).as_posix(), night)
            if path.is_file() and dated is not None and dated <= night:
                found.append((dated, path.name, path))
        if not found:
            return None
        dated, name, path = max(found)
        return Delivery(contract.mission, name, dated, path.stat().st_size, str(path))

    def sha256(self, delivery: Delivery) -> str:
        """Hash of the file, read in pieces."""
        digest = hashlib.sha256()
        with Path(delivery.location).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The file's bytes, at most `limit`."""
        with Path(delivery.location).open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Refused(
                "too_large",
                f"the export is larger than the contract's limit of {limit} bytes",
                "Ask the mission whether it is right, then raise `source.limits.packed`",
            )
        return data


def _dated(pattern: str, path: str, night: date) -> date | None:
    """The date that `path` carries where `pattern` says `{night:…}`; `night` if it says nothing.

    One of several placeholders tells the whole date; the others must agree with it.
    """
    formats = _NIGHT.findall(pattern)
    if not formats:
        return night
    whole = next((at for at, form in enumerate(formats) if "%d" in form or "%j" in form), 0)
    parts = [re.escape(part).replace(r"\*", "[^/]*") for part in _PLACE.split(pattern)]
    match = re.fullmatch("(.+?)".join(parts), path)
    if match is None:
        return None
    try:
        found = datetime.strptime(match[whole + 1], formats[whole]).date()
    except ValueError:
        return None
    return found if fnmatch.fnmatchcase(path, pattern.format(night=found)) else None
