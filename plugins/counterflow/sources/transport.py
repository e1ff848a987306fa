"""Finding and fetching a mission's export: a contract and a night in, a delivery out.

`Transport` is the interface; `FolderTransport` serves a folder, `remote.RemoteTransport` a server. The
newest export whose name carries a date up to the night is the one that counts; what is still being
uploaded is not there yet. A file's name may tell a person: it is in no message, log or record.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from counterflow.contracts import Contract
from counterflow.sources.errors import Refused

_NIGHT = re.compile(r"\{night:([^}]*)\}")
_PLACE = re.compile(r"\{night:[^}]*\}")
_CHUNK = 1 << 20
_IN_PROGRESS = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".upload", "~")
_EMPTY_FOR = (
    24 * 3600
)  # seconds for which an empty file is taken for one whose upload has just begun


@dataclass(frozen=True, slots=True)
class Delivery:
    """One export as it lies at its source. `night` is the date in its name."""

    mission: str
    name: str = field(repr=False)
    night: date
    size: int
    location: str = field(repr=False)
    by_hand: bool = False  # an engineer put it there, because the mission's link was down


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a source lists: `path` from the source's root, `modified` in seconds, `tag` its ETag.

    What a source does not tell is None.
    """

    path: str = field(repr=False)
    is_folder: bool = False
    size: int | None = None
    modified: float | None = None
    tag: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def stamp(self) -> str | None:
        """What changes whenever the content does, None if the source tells nothing of the kind."""
        if self.tag is None and self.modified is None:
            return None
        return f"{self.size}|{self.modified}|{self.tag}"


class Transport(Protocol):
    """What a way of fetching must offer."""

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The newest delivery dated up to `night`; None if the mission has delivered nothing."""

    def known(self, delivery: Delivery) -> str | None:
        """The hash of the delivered bytes if it can be told without fetching them."""

    def sha256(self, delivery: Delivery) -> str:
        """The hash of the delivered bytes, hexadecimal."""

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The bytes; raises Refused if there are more than `limit`."""

    def beside(self, delivery: Delivery, suffix: str, limit: int) -> bytes | None:
        """The file whose name is the delivery's and `suffix` (`.sha256`, `.sig`); None if there is none."""

    def close(self) -> None:
        """End the session, if there is one."""


class FolderTransport:
    """Exports in `root/<MISSION>/<path of the contract>`: a synthetic or shared folder.

    `root` itself is the mission's folder where a connection names it (`by_mission` False).
    """

    def __init__(self, root: Path, by_mission: bool = True, settle: int = 0) -> None:
        self.root, self.by_mission, self.settle = root, by_mission, settle

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The newest file whose dated name fits the contract's path; ties by name."""
        folder = self.root / contract.mission if self.by_mission else self.root
        pattern = contract.source.path
        found = (
            Entry(path.relative_to(folder).as_posix(), False, stat.st_size, stat.st_mtime)
            for path in folder.glob(_PLACE.sub("*", pattern))
            if path.is_file() and (stat := path.stat())
        )
        chosen = newest_of(contract, night, found, self.settle)
        if chosen is None:
            return None
        dated, entry = chosen
        location = str(folder / entry.path)
        return Delivery(contract.mission, entry.name, dated, entry.size or 0, location)

    def known(self, delivery: Delivery) -> str | None:
        """The hash: a folder is near."""
        return self.sha256(delivery)

    def sha256(self, delivery: Delivery) -> str:
        """Hash of the file, read in pieces."""
        digest = hashlib.sha256()
        with Path(delivery.location).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The file's bytes, at most `limit`."""
        return _whole(Path(delivery.location), limit)

    def beside(self, delivery: Delivery, suffix: str, limit: int) -> bytes | None:
        """The file beside it."""
        try:
            return _whole(Path(delivery.location + suffix), limit)
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Nothing is held."""


def newest_of(
    contract: Contract, night: date, entries: Iterable[Entry], settle: int, now: float | None = None
) -> tuple[date, Entry] | None:
    """The newest entry dated up to `night` that is not still being uploaded, and its date; ties by path."""
    found = [
        (dated, entry.name, entry.path, entry)
        for entry in entries
        if not is_unfinished(entry, contract, settle, now)
        and (dated := dated_name(contract.source.path, entry.path, night)) is not None
        and dated <= night
    ]
    if not found:
        return None
    dated, _, _, entry = max(found, key=lambda one: one[:3])
    return dated, entry


def is_unfinished(entry: Entry, contract: Contract, settle: int, now: float | None = None) -> bool:
    """Whether an entry is still being uploaded: by its name, or because it has just been written."""
    if entry.name.casefold().endswith(_IN_PROGRESS):
        return True
    asked = contract.source.settle
    wait = settle if asked is None else asked
    if settle and entry.size == 0:  # over the night an empty file is no beginning: it is refused
        wait = max(wait, _EMPTY_FOR)
    if not wait or entry.modified is None:
        return False
    from time import time

    return (time() if now is None else now) - entry.modified < wait


def too_large(limit: int) -> Refused:
    """A delivery of more bytes than the contract allows."""
    return Refused(
        "too_large",
        f"the export is larger than the contract's limit of {limit} bytes",
        "Ask the mission whether it is right, then raise `source.limits.packed`",
    )


def _whole(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise too_large(limit)
    return data


def dated_name(pattern: str, path: str, night: date) -> date | None:
    """The date that `path` carries where `pattern` says `{night:…}`; `night` if it says nothing.

    One of several placeholders tells the whole date; the others must agree with it.
    """
    formats = _NIGHT.findall(pattern)
    if not formats:
        return night if fnmatch.fnmatchcase(path, pattern) else None
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


def pieces(pattern: str) -> list[str]:
    """The folders and the file of a path pattern, `*` where the night stands."""
    return [piece for piece in _PLACE.sub("*", pattern).split("/") if piece not in ("", ".")]
