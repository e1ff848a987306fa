"""Who may ask: tokens of analysts, of which only hashes are kept.

In: the file `$COUNTERFLOW_HOME/serve/tokens.json` (0600). Out: a new token, shown once; the name that a token
belongs to. A token is 256 random bits, so a plain SHA-256 of it tells nobody what it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from counterflow import disk
from counterflow.locks import exclusive
from counterflow.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class TokenRefusedError(Exception):
    """A token that cannot be issued or revoked."""


@dataclass(frozen=True, slots=True)
class Token:
    """One analyst's token: whose, since when, and whether it still opens anything."""

    name: str
    digest: str
    issued: str
    revoked: str = ""

    def to_dict(self) -> dict[str, str]:
        """What a person may see of it: not its hash."""
        return {"name": self.name, "issued": self.issued, "revoked": self.revoked}


def folder(settings: Settings) -> Path:
    """Where tokens and the audit log are."""
    return settings.home / "serve"


def listed(settings: Settings) -> list[Token]:
    """Every token that was ever issued, the oldest first."""
    try:
        return [Token(**one) for one in json.loads(_file(settings).read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        raise TokenRefusedError(
            f"{_file(settings)} is damaged: bring it back from a backup, or remove it and issue new tokens"
        ) from None


def issue(settings: Settings, name: str) -> str:
    """A new token for an analyst; it is returned once and kept nowhere. Raises TokenRefusedError."""
    if not _NAME.fullmatch(name):
        raise TokenRefusedError(
            "a name is up to 64 letters, digits, dots, @, - or _, and begins with a letter or digit"
        )
    with _changing(settings):
        known = listed(settings)
        if any(one.name == name and not one.revoked for one in known):
            raise TokenRefusedError(
                f"{name} has a token: `counterflow serve tokens revoke {name}` first"
            )
        token = f"cf_{secrets.token_urlsafe(32)}"
        _write(settings, [*known, Token(name, digest(token), _now())])
    return token


def revoke(settings: Settings, name: str) -> None:
    """End an analyst's token; a server that runs refuses it from its next request on."""
    with _changing(settings):
        known = listed(settings)
        if not any(one.name == name and not one.revoked for one in known):
            raise TokenRefusedError(
                f"{name} has no token that is in force: see `counterflow serve tokens list`"
            )
        _write(
            settings,
            [
                Token(one.name, one.digest, one.issued, one.revoked or _now())
                if one.name == name
                else one
                for one in known
            ],
        )


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Register:
    """The tokens in force, as the file has them at this moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: tuple[int, int] | None = None
        self._names: dict[str, str] = {}

    def name(self, hashed: str) -> str | None:
        """Whose token this hash is of, None if it is of nobody's or was revoked."""
        try:
            now = _file(self._settings).stat()
            seen = (now.st_ino, now.st_mtime_ns)
        except FileNotFoundError:
            seen = (0, 0)
        if seen != self._seen:
            known = listed(self._settings)
            self._names = {one.digest: one.name for one in known if not one.revoked}
            self._seen = seen
        return self._names.get(hashed)


def _file(settings: Settings) -> Path:
    return folder(settings) / "tokens.json"


@contextmanager
def _changing(settings: Settings) -> Iterator[None]:
    made = folder(settings)
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    with exclusive(made / ".tokens.lock"):
        yield


def _write(settings: Settings, tokens: list[Token]) -> None:
    file = _file(settings)
    aside = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(json.dumps([asdict(one) for one in tokens], indent=1) + "\n")
    disk.replace(aside, file)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
