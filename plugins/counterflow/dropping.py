"""Exports that come by hand: a file and its mission in, a sealed copy in the drop folder out, taken by the next night.

    $COUNTERFLOW_HOME/drop/<MISSION>/<night>.sealed     0600, AES-256-GCM under a key of the agency

When a mission's link is down its export comes on a stick or by another way. `counterflow drop` takes it in: personal
data lies on no disk of ours in clear. The night of the file's dated name, or one after it, reads it in memory, and
it is removed as soon as it was landed; what is never landed goes with retention. A dropped export is taken before the
server's if it is of the same or a newer date, or if the server cannot be used; `dropped_by_hand` in `quality.issue` says so.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from counterflow import disk, keys
from counterflow.contracts import Contract
from counterflow.locks import shared
from counterflow.settings import Settings
from counterflow.sources import (
    Delivery,
    LinkRefusedError,
    Refused,
    Transport,
    UnreachableError,
)
from counterflow.sources.transport import dated_name, too_large

_MAGIC = b"counterflow drop 1\n"
_BESIDE = (".md5", ".sha256", ".sha512", ".sig", ".asc", ".gpg.sig", ".minisig")
_BESIDE_LIMIT = 64_000
_SUFFIX = ".sealed"


class DropRefusedError(Exception):
    """A file that cannot be dropped, and what to do. Names no file but by what the contract says."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was taken in."""

    mission: str
    night: date
    size: int
    replaced: bool


def drop(settings: Settings, contract: Contract, file: Path, night: date | None) -> Dropped:
    """Seal a copy of `file` as the mission's export of the date in its name. Raises DropRefusedError.

    `night` is needed where the file's own name carries no whole date, and must agree where it does.
    """
    dated = _dated(contract, file.name, night)
    try:
        with file.open("rb") as opened:
            data = opened.read(contract.source.limits.packed + 1)
        beside = {
            suffix: base64.b64encode(extra.read_bytes()[:_BESIDE_LIMIT]).decode()
            for suffix in _BESIDE
            if (extra := file.with_name(file.name + suffix)).is_file()
        }
    except OSError as error:
        raise DropRefusedError(f"the file cannot be read ({type(error).__name__})") from None
    if len(data) > contract.source.limits.packed:
        raise DropRefusedError(f"{too_large(contract.source.limits.packed)}")
    if not data:
        raise DropRefusedError("the file is empty")
    path = _path(settings, contract.mission, dated)
    head = json.dumps({"name": file.name, "beside": beside}).encode()
    whole = len(head).to_bytes(4, "big") + head + data
    sealed = _sealed(keys.keyring(settings), contract.mission, dated, whole)
    with shared(settings.landing_lock, only=contract.mission):  # which hands it to other machines
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(settings.drop, 0o700)
        replaced = path.exists()
        _write(path, sealed)
    return Dropped(contract.mission, dated, len(data), replaced)


def _dated(contract: Contract, name: str, night: date | None) -> date:
    last = contract.source.path.rpartition("/")[2]
    carries = "{night:" in last and any(day in last for day in ("%d", "%j"))
    if carries:
        found = dated_name(last, name, night or date.min)
        if found is None:
            raise DropRefusedError(
                f"the file's name does not fit `{last}` of {contract.mission}'s contract: rename it as the mission "
                "would have, with the date that it is of"
            )
        if night is not None and night != found:
            raise DropRefusedError(
                f"the file's name says {found} and --night says {night}: which is right?"
            )
        return found
    if night is None:
        raise DropRefusedError(
            f"`{contract.source.path}` of {contract.mission}'s contract does not say which date the file is of: "
            "give --night"
        )
    if not fnmatch.fnmatchcase(name, last.format(night=night)):
        raise DropRefusedError(
            f"the file's name does not fit `{last}` of {contract.mission}'s contract: rename it as the mission would have"
        )
    return night


def waiting(settings: Settings, mission: str) -> list[date]:
    """The dates of the exports that were dropped for a mission and not landed yet."""
    found = []
    for path in (settings.drop / mission).glob(f"????-??-??{_SUFFIX}"):
        try:
            found.append(date.fromisoformat(path.name.removesuffix(_SUFFIX)))
        except ValueError:
            continue
    return sorted(found)


def clear(settings: Settings, delivery: Delivery) -> None:
    """Remove a dropped export that has been landed."""
    path = _path(settings, delivery.mission, delivery.night)
    path.unlink(missing_ok=True)


class DropTransport:
    """A mission's own transport, and what was dropped for it."""

    def __init__(
        self, settings: Settings, contract: Contract, own: Callable[[], Transport]
    ) -> None:
        self.settings, self.contract, self._make = settings, contract, own
        self._own: Transport | None = None
        self._opened: dict[str, tuple[bytes, dict[str, str]]] = {}

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The dropped export, if it is as new as the mission's own, or if that cannot be asked for."""
        dates = [one for one in waiting(self.settings, contract.mission) if one <= night]
        mine = self._delivery(max(dates)) if dates else None
        try:
            theirs = self._others().newest(contract, night)
        except (UnreachableError, LinkRefusedError):
            if mine is None:
                raise
            return mine
        if mine is None or (theirs is not None and theirs.night > mine.night):
            return theirs
        return mine

    def known(self, delivery: Delivery) -> str | None:
        """The hash: what was dropped is near."""
        return self.sha256(delivery) if delivery.by_hand else self._others().known(delivery)

    def sha256(self, delivery: Delivery) -> str:
        """The hash of the bytes as they were dropped."""
        if not delivery.by_hand:
            return self._others().sha256(delivery)
        return hashlib.sha256(self._open(delivery)[0]).hexdigest()

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The bytes as they were dropped."""
        if not delivery.by_hand:
            return self._others().fetch(delivery, limit)
        data = self._open(delivery)[0]
        if len(data) > limit:
            raise too_large(limit)
        return data

    def beside(self, delivery: Delivery, suffix: str, limit: int) -> bytes | None:
        """What lay beside the file when it was dropped."""
        if not delivery.by_hand:
            return self._others().beside(delivery, suffix, limit)
        text = self._open(delivery)[1].get(suffix)
        return base64.b64decode(text)[:limit] if text is not None else None

    def close(self) -> None:
        """End the mission's own session and let go of what was opened."""
        self._opened.clear()
        if self._own is not None:
            self._own.close()

    def _others(self) -> Transport:
        if self._own is None:
            self._own = self._make()
        return self._own

    def _delivery(self, dated: date) -> Delivery:
        path = _path(self.settings, self.contract.mission, dated)
        size, name = path.stat().st_size, path.name
        with suppress(Refused):  # told when it is read
            name = _parts(self.settings, self.contract.mission, dated)[0]
        return Delivery(self.contract.mission, name, dated, size, str(path), by_hand=True)

    def _open(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        if delivery.location not in self._opened:
            _, beside, data = _parts(self.settings, delivery.mission, delivery.night)
            self._opened[delivery.location] = data, beside
        return self._opened[delivery.location]


def reseal(settings: Settings, old: keys.Keyring, new: keys.Keyring) -> int:
    """Put what was dropped under a new key, each file in one rename; how many. Killed, it is begun anew."""
    count = 0
    for path in _all(settings):
        mission, dated = path.parent.name, date.fromisoformat(path.name.removesuffix(_SUFFIX))
        data = path.read_bytes()
        if _unsealed(new, mission, dated, data) is None:
            whole = _unsealed(old, mission, dated, data)
            if whole is None:
                continue  # of a key before the old one: no night could read it
            _write(path, _sealed(new, mission, dated, whole))
            count += 1
    return count


def _all(settings: Settings) -> Iterator[Path]:
    yield from sorted(settings.drop.glob(f"[A-Z][A-Z][A-Z]/????-??-??{_SUFFIX}"))


def _path(settings: Settings, mission: str, dated: date) -> Path:
    """Named by its date alone: the file's own name may tell a person, and is inside."""
    return settings.drop / mission / f"{dated}{_SUFFIX}"


def _parts(settings: Settings, mission: str, dated: date) -> tuple[str, dict[str, str], bytes]:
    ring = keys.keyring(settings)
    whole = _unsealed(ring, mission, dated, _path(settings, mission, dated).read_bytes())
    if whole is None:
        raise Refused(
            "drop_unreadable",
            f"the dropped export does not open with the key {ring.key_id}: it was sealed with another, or is damaged",
            "Drop it again with `counterflow drop`",
        )
    size = int.from_bytes(whole[:4], "big")
    head = json.loads(whole[4 : 4 + size])
    return head["name"], head["beside"], whole[4 + size :]


def _sealed(ring: keys.Keyring, mission: str, dated: date, whole: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return _MAGIC + nonce + _cipher(ring).encrypt(nonce, whole, _context(mission, dated))


def _unsealed(ring: keys.Keyring, mission: str, dated: date, data: bytes) -> bytes | None:
    if not data.startswith(_MAGIC):
        return None
    nonce, rest = data[len(_MAGIC) :][:12], data[len(_MAGIC) + 12 :]
    try:
        return _cipher(ring).decrypt(nonce, rest, _context(mission, dated))
    except (InvalidTag, ValueError):
        return None


def _cipher(ring: keys.Keyring) -> AESGCM:
    return AESGCM(keys.derive(ring.master, keys.AGENCY, "drop"))


def _context(mission: str, dated: date) -> bytes:
    """A file that is put under another mission or date does not open."""
    return f"{mission}/{dated}".encode()


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    disk.replace(aside, path)
