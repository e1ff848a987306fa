"""Opening what age has locked, in memory (rage, by pyrage): identities and passphrases.

In: ciphertext, keys by name. Out: plaintext, or `Refused`. A header may ask for any amount of work
to try a passphrase; what it asks for is judged first.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from counterflow.sources.errors import Refused
from counterflow.sources.unheard import unheard

MAGIC, ARMOUR = b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----"
_ARMOUR_END = b"-----END AGE ENCRYPTED FILE-----"
IDENTITY = b"AGE-SECRET-KEY-1"
MOST_WORK = 20  # scrypt's work is 2 to the power of this: a gigabyte and some two seconds
_MOST_HEADER = 64_000
_ASK = "Ask the mission to encrypt and send it again"


def looks_encrypted(data: bytes) -> bool:
    """Whether the bytes begin as a file of age does."""
    return data.startswith(MAGIC) or data.lstrip().startswith(ARMOUR)


def decrypt(data: bytes, keys: Mapping[str, bytes]) -> bytes:
    """The plaintext. Raises Refused. It is never longer than the ciphertext."""
    import pyrage

    if not looks_encrypted(data):
        from counterflow.sources.pgp import not_encrypted

        raise not_encrypted("age", "age")
    is_armoured = not data.startswith(MAGIC)
    if is_armoured and _ARMOUR_END not in data[-200:]:
        raise Refused("truncated", "the encrypted export is cut short", _ASK)
    header = _header(data, is_armoured)
    work = re.search(rb"^-> scrypt \S+ (\d{1,9})$", header, re.MULTILINE)
    if work is None:
        identities = [one for name, text in keys.items() for one in _identities(name, text)]
        return _opened(lambda: pyrage.decrypt(data, identities), "the key")
    if int(work[1]) > MOST_WORK:
        raise Refused(
            "too_much_work",
            f"opening it would take 2 to the power of {int(work[1])} rounds, more than {MOST_WORK} are not done",
            "Ask the mission to encrypt for a key, or with age's own work factor",
        )
    phrases = [
        text.decode("utf-8", "replace").strip() for text in keys.values() if not _is_identity(text)
    ]
    refused: Refused | None = None
    for phrase in phrases[:2]:
        try:
            return _opened(lambda: pyrage.passphrase.decrypt(data, phrase), "the passphrase")  # noqa: B023
        except Refused as error:
            refused = error
    raise refused or _wrong("the passphrase")


def recipients(name: str, text: bytes) -> list[str]:
    """The public halves of the identities of a stored key."""
    return [str(one.to_public()) for one in _identities(name, text)]


def _is_identity(text: bytes) -> bool:
    return IDENTITY in text


def _identities(name: str, text: bytes) -> list[Any]:
    import pyrage

    found = []
    for line in text.decode("ascii", "replace").splitlines():
        if line.strip().startswith(IDENTITY.decode()):
            try:
                found.append(pyrage.x25519.Identity.from_str(line.strip()))
            except BaseException:  # noqa: BLE001 - its text may quote the key
                raise Refused(
                    "bad_key",
                    f"the key `{name}` is no identity of age",
                    "Restore it from its backup, or make a new one with `counterflow keys export-key`",
                ) from None
    return found


def _header(data: bytes, is_armoured: bool) -> bytes:
    """The lines before the ciphertext."""
    head = data.lstrip()[: 2 * _MOST_HEADER]
    if is_armoured:
        body = head.replace(b"\r\n", b"\n").partition(b"\n")[2].partition(b"-----END")[0]
        joined = b"".join(body.split())
        try:
            head = base64.b64decode(joined[: len(joined) // 4 * 4])
        except binascii.Error:
            raise Refused(
                "altered", "the encrypted export was altered or damaged on its way", _ASK
            ) from None
    end = re.search(rb"^---", head, re.MULTILINE)
    if end is None and len(head) >= _MOST_HEADER:
        raise Refused("too_much_work", "it is encrypted for more keys than any mission has", _ASK)
    if end is None:
        raise Refused("truncated", "the encrypted export is cut short", _ASK)
    return head[: end.start()]


def _opened(how: Any, what: str) -> bytes:
    try:
        with unheard():
            return bytes(how())
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic is no Exception
        said = str(error)
        if "No matching keys" in said or "Decryption failed" in said:
            raise _wrong(what) from None
        raise Refused(
            "altered", "the encrypted export was cut short, altered or damaged on its way", _ASK
        ) from None


def _wrong(what: str) -> Refused:
    return Refused(
        "wrong_key",
        f"{what} of the contract does not open the export (`source.encryption.age`)",
        "Give the mission the public half of the key, or agree on the passphrase again",
    )
