"""What a server said of a file when it was last read: fingerprint in, hash of its bytes out.

A fingerprint is a keyed hash of the connection, path, size, date and ETag: a file's name may tell a person,
and is written nowhere. Beside a mission's landing: `landing/<MISSION>/seen.json`, the newest hundred.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from counterflow.sources.transport import Entry

_KEPT = 100


class Seen:
    """The memory of one mission's source. With a new key, or another connection, nothing is known."""

    def __init__(self, path: Path, key: bytes, source: str) -> None:
        self.path, self._key, self._source = path, key, source

    def find(self, entry: Entry) -> str | None:
        """The SHA-256 of the bytes that the entry stood for when they were read."""
        name = self._fingerprint(entry)
        found = self._load().get(name) if name is not None else None
        return str(found) if found is not None else None

    def keep(self, entry: Entry, sha256: str) -> None:
        """Remember an entry, if its server tells anything that changes with its content."""
        name = self._fingerprint(entry)
        if name is None:
            return
        known = self._load()
        known.pop(name, None)
        known[name] = sha256
        newest = dict(list(known.items())[-_KEPT:])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_name(f".{self.path.name}-{secrets.token_hex(4)}")
        aside.write_text(json.dumps(newest, indent=1) + "\n", "utf-8")
        os.replace(aside, self.path)

    def _fingerprint(self, entry: Entry) -> str | None:
        if entry.stamp is None:
            return None
        text = f"{self._source}\n{entry.path}\n{entry.stamp}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]

    def _load(self) -> dict[str, str]:
        try:
            known = json.loads(self.path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):  # lost or damaged: the file is read again
            return {}
        return known if isinstance(known, dict) else {}
