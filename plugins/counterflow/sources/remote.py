"""Exports on a server: listing, one bounded read into memory, resumed where the line broke.

In: a contract and a way to open a `Store` (SFTP, S3, HTTP). Out: what `Transport` offers. Nothing is ever
written to the disk. A file must be the same before and after it was read, and whole; what a server says of it
(size, date, ETag) is remembered as a keyed hash, so that the plan need not fetch what it has seen.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import date, timedelta
from typing import Protocol, TypeVar

from counterflow.contracts import Contract
from counterflow.sources.checksums import stated
from counterflow.sources.errors import ChangedError, Refused, UnreachableError
from counterflow.sources.seen import Seen
from counterflow.sources.transport import Delivery, Entry, newest_of, pieces, too_large

PAUSES = (1.0, 4.0, 15.0)  # seconds before the line is tried again; bytes that came begin anew
_MOST_BREAKS = 40  # of one fetch
_MOST_ENTRIES = 20_000  # of one folder
_CHECKSUM_LIMIT = 64_000
_SORTING = ("%Y", "%Y%m", "%Y-%m", "%m", "%d")  # folders so named sort as their dates do
T = TypeVar("T")


class Store(Protocol):
    """An open session with a server. Its errors are those of `sources.errors`."""

    settle: int
    """Seconds for which a file must not have changed, unless the contract says otherwise."""

    @property
    def dated(self) -> int | None:
        """Where nothing lists the files: of how many nights the names are tried. None elsewhere."""

    def listing(self, folder: str) -> Iterator[Entry]:
        """What lies in a folder of the root (`` is the root); paths are from the root."""

    def stat(self, path: str) -> Entry | None:
        """What is known of a file; None if it is not there."""

    def read(self, entry: Entry, start: int) -> Iterator[bytes]:
        """The bytes from `start` on. Raises ChangedError if the file is no longer what `entry` says."""


class RemoteTransport:
    """One mission's exports on its server."""

    def __init__(
        self,
        contract: Contract,
        open_store: Callable[[], AbstractContextManager[Store]],
        seen: Seen,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.contract, self.seen, self.pauses = contract, seen, pauses
        self._open, self._held = open_store, ExitStack()
        self._store: Store | None = None
        self._entries: dict[str, Entry] = {}
        self._fetched: dict[str, tuple[str, bytes | None]] = {}

    def newest(self, contract: Contract, night: date) -> Delivery | None:
        """The newest file whose dated name fits the contract's path."""

        def look(store: Store) -> Delivery | None:
            listed = _listed(store, contract.source.path, night)
            chosen = newest_of(contract, night, listed, store.settle)
            if chosen is None:
                return None
            dated, entry = chosen
            told = store.stat(entry.path)  # what a listing says may be less
            if told is None or newest_of(contract, night, [told], store.settle) is None:
                return None
            self._entries[told.path] = told
            return Delivery(contract.mission, told.name, dated, told.size or 0, told.path)

        return self._patiently(look)

    def known(self, delivery: Delivery) -> str | None:
        """The hash that was seen under what the server says of the file now, or that its checksum file tells."""
        entry = self._entries.get(delivery.location)
        if entry is not None and (found := self.seen.find(entry)) is not None:
            return found
        if self.contract.source.checksum == "sha256":
            text = self.beside(delivery, ".sha256", _CHECKSUM_LIMIT)
            return stated(text, "sha256", delivery.name) if text is not None else None
        return None

    def sha256(self, delivery: Delivery) -> str:
        """The hash; the bytes are kept in memory for `fetch`, if they had to be fetched for it."""
        if delivery.location not in self._fetched:
            entry = self._entries.get(delivery.location)
            if entry is not None and (found := self.seen.find(entry)) is not None:
                return found
            data = self._read(delivery.location, self.contract.source.limits.packed)
            self._fetched[delivery.location] = hashlib.sha256(data).hexdigest(), data
        return self._fetched[delivery.location][0]

    def fetch(self, delivery: Delivery, limit: int) -> bytes:
        """The file's bytes, at most `limit`."""
        sha256, data = self._fetched.pop(delivery.location, ("", None))
        if data is None:
            data = self._read(delivery.location, limit)
            sha256 = hashlib.sha256(data).hexdigest()
        self._fetched[delivery.location] = sha256, None
        return data

    def beside(self, delivery: Delivery, suffix: str, limit: int) -> bytes | None:
        """The file beside it; refused if it is larger than `limit`."""
        path = delivery.location + suffix
        if self._patiently(lambda store: store.stat(path)) is None:
            return None
        return self._read(path, limit, remember=False)

    def close(self) -> None:
        """End the session; the next call opens another."""
        self._store = None
        self._held.close()

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._held.enter_context(self._open())
        return self._store

    def _patiently(self, ask: Callable[[Store], T]) -> T:
        """Ask; if the line breaks, again after a while, on a new session."""
        for pause in (*self.pauses, None):
            try:
                return ask(self._opened())
            except UnreachableError:
                self._broken()
                if pause is None:
                    raise
                time.sleep(pause)
            except BaseException:
                self._broken()
                raise
        raise AssertionError("the last pause is none")

    def _broken(self) -> None:
        with suppress(Exception):  # a broken session may not end well either
            self.close()

    def _read(self, path: str, limit: int, remember: bool = True) -> bytes:
        """The whole file, unchanged while it was read. Begun anew once if it changed."""
        for _ in range(2):
            try:
                data, entry = self._read_once(path, limit)
            except ChangedError:
                continue
            if remember:
                self.seen.keep(entry, hashlib.sha256(data).hexdigest())
            return data
        raise Refused(
            "changed_while_read",
            "the file on the mission's server changed twice while it was read",
            "Ask the mission to upload under another name and rename it when it is whole, or to export earlier",
        )

    def _read_once(self, path: str, limit: int) -> tuple[bytes, Entry]:
        first = self._patiently(lambda store: store.stat(path))
        if first is None:
            raise Refused(
                "missing", "the export is gone since it was listed", "Run the night again"
            )
        if first.size is not None and first.size > limit:
            raise too_large(limit)
        target, breaks, pauses = io.BytesIO(), 0, iter(self.pauses)
        while True:
            before = target.tell()
            try:
                for chunk in self._opened().read(first, before):
                    target.write(chunk)
                    if target.tell() > limit:
                        raise too_large(limit)
                if first.size is not None and target.tell() < first.size:
                    raise UnreachableError("the transfer ended before the file did")
                break
            except UnreachableError:
                self._broken()
                breaks += 1
                if target.tell() > before:
                    pauses = iter(self.pauses)
                pause = next(pauses, None)
                if pause is None or breaks > _MOST_BREAKS:
                    raise
                time.sleep(pause)
            except BaseException:
                self._broken()
                raise
        last = self._patiently(lambda store: store.stat(path))
        if last != first or (first.size is not None and target.tell() != first.size):
            raise ChangedError
        return target.getvalue(), first


def _listed(store: Store, pattern: str, night: date) -> Iterator[Entry]:
    """Files that may fit the pattern; folders that stand for later dates than the night are not entered."""
    if store.dated is not None:
        names = (pattern.format(night=night - timedelta(days=n)) for n in range(store.dated))
        for name in dict.fromkeys(names):
            if (entry := store.stat(name)) is not None:
                yield entry
                return
        return
    *folders, last = pieces(pattern)
    written = [piece for piece in pattern.split("/") if piece not in ("", ".")][:-1]
    yield from _below(store, "", list(zip(folders, written, strict=True)), last, night)


def _below(
    store: Store, at: str, folders: list[tuple[str, str]], last: str, night: date
) -> Iterator[Entry]:
    if not folders:
        for entry in _bounded(store, at):
            if not entry.is_folder and fnmatch.fnmatchcase(entry.name, last):
                yield entry
        return
    (glob, written), rest = folders[0], folders[1:]
    if "*" not in glob and "?" not in glob and "[" not in glob:
        yield from _below(store, f"{at}/{glob}".lstrip("/"), rest, last, night)
        return
    form = written.removeprefix("{night:").removesuffix("}")
    sorts = written.startswith("{night:") and form in _SORTING
    names = sorted(
        (e.name for e in _bounded(store, at) if e.is_folder and fnmatch.fnmatchcase(e.name, glob)),
        reverse=True,
    )
    for name in names:
        if form in ("%Y", "%Y%m", "%Y-%m") and name > f"{night:{form}}":
            continue
        found = list(_below(store, f"{at}/{name}".lstrip("/"), rest, last, night))
        yield from found
        if found and sorts:
            return  # older folders hold older files


def _bounded(store: Store, folder: str) -> Iterator[Entry]:
    """A server's own listing, with no more names than a mission could ever have, and none that lead elsewhere."""
    for count, entry in enumerate(store.listing(folder)):
        if count >= _MOST_ENTRIES:
            raise Refused(
                "too_many_files",
                f"the folder of the mission's exports holds more than {_MOST_ENTRIES} files",
                "Ask the mission to clear it, or name a narrower folder in `source.path`",
            )
        if entry.name not in ("", ".", "..") and not set(entry.name) & set("\0\r\n"):
            yield entry
