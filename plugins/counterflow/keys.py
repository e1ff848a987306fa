"""The two keys of an agency, and the keys derived from them, one per mission and purpose.

In: the key folder (0700) with `master.key` and `linking.key` (0600; 32 random bytes each, hexadecimal),
or the same two values from Airflow's secrets backend. Out: a `Keyring`, and derived keys: HKDF-SHA256
(RFC 5869) over mission, purpose and version, so that no mission's key tells another's.

A pseudonym needs both (depersonalise.py). `master` also opens what is encrypted; it is rotated.
`linking` never is: the thread of a case hangs on it (docs/adr/0021).
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from counterflow import disk, formats

if TYPE_CHECKING:
    from counterflow.settings import Settings

MASTER, LINKING = "master.key", "linking.key"
NEXT, RETIRED = "master.next.key", "master.retired.key"  # there only while a rotation runs
AGENCY = "agency"  # in place of a mission, in keys that are of all missions
_RUNBOOK = "See docs/runbooks/key_refused.md"


class KeyRefusedError(Exception):
    """A key cannot be used; the message says why and what to do, never the key."""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The keys of an agency. Has no repr, so that none is logged."""

    master: bytes
    linking: bytes

    @property
    def key_id(self) -> str:
        """8 hexadecimal digits that name the master key and tell nothing of it."""
        return derive(self.master, AGENCY, "id")[:4].hex()

    @property
    def linking_id(self) -> str:
        """The same of the linking key."""
        return derive(self.linking, AGENCY, "id")[:4].hex()


def derive(key: bytes, mission: str, purpose: str, version: int = 1) -> bytes:
    """32 bytes for one mission (alpha-3, or AGENCY) and purpose (`case`, `code`, `landing`, …)."""
    info = f"counterflow/{version}/{mission}/{purpose}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key)


def init(folder: Path) -> Path:
    """Make the keys that `folder` lacks; one that is there stays. The folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    for name in (LINKING, MASTER):
        make(folder / name)
    return folder


def make(path: Path) -> None:
    """A new key at `path`, whole from its first moment; if there is one, or somebody is first, that one."""
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)  # fails if somebody else was first: theirs is the key
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    disk.sync(path.parent)  # a key whose name is lost is lost


def shred(path: Path) -> None:
    """Overwrite a key and remove it. A file system that copies on write, an SSD or a backup may keep the old bytes."""
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for content in (os.urandom(size), bytes(size)):
            file.seek(0)
            file.write(content)
            os.fsync(file.fileno())
    path.unlink()
    disk.sync(path.parent)


def begin(settings: Settings) -> Path | None:
    """Make the keys of an installation that has landed nothing yet; the folder, None if they are elsewhere.

    Raises KeyRefusedError if a key is missing that what is landed was made with.
    """
    if settings.key_source != "files":
        return None
    refuse_unfinished(settings)
    missing = [name for name in (MASTER, LINKING) if not (settings.keys / name).exists()]
    if missing and any(settings.landing.glob("*/exports/*")):
        raise KeyRefusedError(
            f"{settings.landing} was landed with a {' and a '.join(missing)} that {settings.keys} does not "
            f"hold: restore it from its backup. A new key would make every case a new case. {_RUNBOOK}"
        )
    return init(settings.keys)


def keyring(settings: Settings) -> Keyring:
    """The keys of this installation.

    Raises KeyRefusedError if one is missing, open to others, or not 32 hexadecimal bytes; if the
    landing was made with others; while a rotation is unfinished.
    """
    formats.refuse_other(settings.home)
    read = reader(settings)
    refuse_unfinished(settings)
    found = Keyring(read(MASTER), read(LINKING))
    refuse_others(found, settings.landing, settings.key_source)
    return found


def refuse_unfinished(settings: Settings) -> None:
    """Refuse everything but the rotation itself while one is unfinished (rotation.py)."""
    left = (settings.keys / NEXT, settings.keys / RETIRED, settings.rotation)
    if any(path.exists() for path in left):
        raise KeyRefusedError(
            "a rotation of the keys was not finished: run `counterflow keys rotate` to its end, then go "
            f"on. {_RUNBOOK}"
        )


def reader(settings: Settings) -> Callable[[str], bytes]:
    """How a key is read by its name: from the folder, or through Airflow's secrets backends."""
    if settings.key_source == "airflow":
        from counterflow import keys_airflow

        return lambda name: parse(keys_airflow.read(name), keys_airflow.said(name))
    return lambda name: read_file(settings.keys / name)


def read_file(path: Path) -> bytes:
    """The key in a file of mode 0600. Raises KeyRefusedError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise KeyRefusedError(
            f"no {path.name} in {path.parent}: restore it from its backup; only if nothing was landed yet, "
            f"run `counterflow keys init`. {_RUNBOOK}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError(f"{path} cannot be read ({type(error).__name__})") from None
    if mode & 0o077:
        raise KeyRefusedError(f"{path} is open to others ({mode:04o}): chmod 600 it")
    return parse(text, str(path))


def parse(text: str, where: str) -> bytes:
    """The 32 bytes that `text` says. Raises KeyRefusedError, which names `where` and not the text."""
    text = text.strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise KeyRefusedError(
            f"{where} is not hexadecimal: restore it from its backup. {_RUNBOOK}"
        ) from None
    if len(key) != 32:
        raise KeyRefusedError(
            f"{where} holds {len(key)} bytes in hexadecimal and not 32: restore it from its backup. {_RUNBOOK}"
        )
    return key


def refuse_others(found: Keyring, landing: Path, source: str = "files") -> None:
    """Refuse keys that are not those the landing was made with, by one export of each mission."""
    own = (found.key_id, found.linking_id)
    for mission, theirs in _landed_with(landing):
        for name, ours, other in zip((MASTER, LINKING), own, theirs, strict=True):
            if other and other != ours:
                cure = f"restore {other} from its backup"
                if source == "airflow" and name == MASTER:
                    cure += (
                        ", or if it is the next one of a rotation, put it in place of the old one"
                    )
                raise KeyRefusedError(
                    f"{mission} was landed with the {name} {other}, and this one is {ours}: {cure}. "
                    f"With another key every case would be a new case. {_RUNBOOK}"
                )


def _landed_with(landing: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for folder in sorted(landing.glob("[A-Z][A-Z][A-Z]/exports")):
        if (ids := _ids(folder, folder.stat().st_mtime_ns)) is not None:
            yield folder.parent.name, ids


@lru_cache(maxsize=1024)
def _ids(folder: Path, _stamp: int) -> tuple[str, str] | None:
    """The ids of the keys that an export of a mission was landed with."""
    for outcome in folder.glob("[!.]*/outcome.json"):
        said = json.loads(outcome.read_text("utf-8"))
        return said.get("key_id", ""), said.get("linking_id", "")
    return None
