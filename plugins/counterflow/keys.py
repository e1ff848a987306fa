"""The master key and the keys derived from it, one per mission and purpose.

In: the key folder (0700) with `master.key` (0600): 32 random bytes, hexadecimal, and its id. Out: derived keys.
HKDF-SHA256 (RFC 5869) over mission, purpose and version: no mission's key tells another's.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FILE = "master.key"


class KeyRefusedError(Exception):
    """The master key cannot be used; the message says why and what to do, never the key."""


def init(folder: Path) -> Path:
    """Make a master key in `folder` if there is none; the path of its file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    path = folder / FILE
    aside = folder / f".{FILE}-{secrets.token_hex(4)}"
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
    return path


def master(folder: Path) -> bytes:
    """The 32 bytes of the master key in `folder`.

    Raises KeyRefusedError if it is missing, readable by others, or not 32 hexadecimal bytes.
    """
    path = folder / FILE
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise KeyRefusedError(
            f"no master key in {folder}: restore it from its backup; only if nothing was landed yet, "
            "run `counterflow keys init`. See docs/runbooks/key_refused.md"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError(f"the master key cannot be read ({type(error).__name__})") from None
    if mode & 0o077:
        raise KeyRefusedError(f"{path} is open to others ({mode:04o}): chmod 600 it")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise KeyRefusedError(
            f"{path} does not hold 32 bytes in hexadecimal: restore it from its backup"
        )
    return key


def derive(master_key: bytes, mission: str, purpose: str, version: int = 1) -> bytes:
    """32 bytes for one mission (alpha-3) and purpose (`case`, `code`)."""
    info = f"counterflow/{version}/{mission}/{purpose}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(master_key)
