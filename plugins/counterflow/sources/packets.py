"""What an OpenPGP message says of itself before it is opened: for whom, how it is protected, whether it is whole.

In: the bytes, armoured or binary. Out: an `Envelope`, or None if this is no encrypted message.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

_ARMOUR, _ARMOUR_END = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"
_PKESK, _SKESK, _SED, _MARKER, _SEIP, _AED = 1, 3, 9, 10, 18, 20
_MOST_PACKETS = 1000  # recipients of one message
HIDDEN = "0" * 16  # a recipient that the message does not name


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outside of a message: ids of the keys it is for, whether a passphrase opens it too."""

    key_ids: tuple[str, ...]
    has_passphrase: bool
    protection: int  # the kind of packet that holds the ciphertext
    is_whole: bool

    @property
    def is_authenticated(self) -> bool:
        """Whether a change of the ciphertext is noticed (MDC or AEAD)."""
        return self.protection in (_SEIP, _AED)


def looks_encrypted(data: bytes) -> bool:
    """Whether the bytes begin as an encrypted message does."""
    if data.lstrip()[: len(_ARMOUR)] == _ARMOUR:
        return True
    first = data[:1]
    if not first or not first[0] & 0x80:
        return False
    found = envelope(data)
    return found is not None and bool(found.key_ids or found.has_passphrase)


def envelope(data: bytes) -> Envelope | None:
    """The outside of an encrypted message."""
    is_armoured = data.lstrip()[: len(_ARMOUR)] == _ARMOUR
    is_whole = not is_armoured or _ARMOUR_END in data
    raw = _dearmoured(data) if is_armoured else data
    key_ids: list[str] = []
    has_passphrase = False
    for number, (tag, body, packet_is_whole) in enumerate(_packets(raw)):
        if tag == _PKESK:
            key_ids.append(_recipient(body))
        elif tag == _SKESK:
            has_passphrase = True
        elif tag in (_SED, _SEIP, _AED):
            return Envelope(tuple(key_ids), has_passphrase, tag, is_whole and packet_is_whole)
        elif tag != _MARKER:
            return None
        if number >= _MOST_PACKETS:
            return None
    if key_ids or has_passphrase:  # the ciphertext itself is missing
        return Envelope(tuple(key_ids), has_passphrase, _SEIP, False)
    return None


def _recipient(body: bytes) -> str:
    """The key id of a PKESK packet: version 3 has it as it is, version 6 a fingerprint."""
    if body[:1] == b"\x03":
        return body[1:9].hex()
    if body[:1] == b"\x06" and len(body) > 2 and body[1]:
        fingerprint = body[3 : 2 + body[1]]
        return (fingerprint[:8] if body[2] == 6 else fingerprint[-8:]).hex()
    return HIDDEN


def _packets(raw: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Kind, first bytes and completeness of each packet, up to the first that is broken."""
    at = 0
    while at < len(raw) and raw[at] & 0x80:
        first = raw[at]
        if first & 0x40:
            tag = first & 0x3F
            start, end = _new_length(raw, at + 1)
        else:
            tag = (first >> 2) & 0x0F
            start, end = _old_length(raw, at + 1, first & 3)
        if start < 0:
            yield tag, b"", False
            return
        yield tag, raw[start : min(end, start + 64)], end <= len(raw)
        if end > len(raw):
            return
        at = end


def _old_length(raw: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == 3:  # to the end of the file, wherever that is
        return at, len(raw)
    width = 1 << kind
    if at + width > len(raw):
        return -1, -1
    return at + width, at + width + int.from_bytes(raw[at : at + width], "big")


def _new_length(raw: bytes, at: int) -> tuple[int, int]:
    """Where the body begins and ends, over all of its parts; -1 if the length itself is cut off."""
    begin = -1
    while at < len(raw):
        first = raw[at]
        is_part = 224 <= first < 255
        if first < 192:
            size, width = first, 1
        elif first < 224:
            size, width = (
                ((first - 192) << 8) + int.from_bytes(raw[at + 1 : at + 2], "big") + 192,
                2,
            )
        elif first < 255:
            size, width = 1 << (first & 0x1F), 1
        else:
            size, width = int.from_bytes(raw[at + 1 : at + 5], "big"), 5
        begin = at + width if begin < 0 else begin
        at += width + size
        if not is_part:
            return begin, at
    return (begin, len(raw) + 1) if begin >= 0 else (-1, -1)


def _dearmoured(data: bytes) -> bytes:
    """The bytes inside ASCII armour, as far as they can be told."""
    text = data.lstrip().replace(b"\r\n", b"\n")
    _, _, text = text.partition(b"\n\n")
    text = text.partition(b"-----END")[0]
    lines = [line.strip() for line in text.split(b"\n")]
    joined = b"".join(line for line in lines if not line.startswith(b"="))
    try:
        return base64.b64decode(joined[: len(joined) // 4 * 4])
    except binascii.Error:
        return b""
