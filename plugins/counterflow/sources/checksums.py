"""Checksum files: the text beside an export in, the digest that it states out.

GNU's form (`digest  name`, `digest *name`), BSD's (`SHA256 (name) = digest`), or the digest alone. A file
that states several must name the export.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from counterflow.sources.errors import Refused
from counterflow.sources.transport import Delivery, Transport

LENGTHS = {"md5": 32, "sha256": 64, "sha512": 128}
_LIMIT = 64_000
_BSD = re.compile(r"([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)")
_GNU = re.compile(r"\\?([0-9A-Fa-f]+)(?: [ *](.+))?")


def stated(text: bytes, kind: str, name: str) -> str | None:
    """The digest of the file called `name`, in lower case; None if the text states none."""
    found: dict[str, set[str]] = {}
    for line in text.decode("utf-8-sig", "replace").splitlines():
        if match := _BSD.fullmatch(line.strip()):
            if match[1].casefold().replace("-", "") != kind:
                continue
            digest, of = match[3], match[2]
        elif match := _GNU.fullmatch(line.strip()):
            digest, of = match[1], match[2] or ""
        else:
            continue
        if len(digest) == LENGTHS[kind]:
            found.setdefault(of.strip().replace("\\", "/").rpartition("/")[2], set()).add(
                digest.lower()
            )
    told = found.get(name) or (found.get("") if len(found) == 1 else None)
    return next(iter(told)) if told is not None and len(told) == 1 else None


def verify(transport: Transport, delivery: Delivery, kind: str | None, data: bytes) -> None:
    """Refuse bytes that are not those which the mission's checksum file states. `kind` None: it gives none."""
    if kind is None:
        return
    text = transport.beside(delivery, f".{kind}", _LIMIT)
    if text is None:
        raise Refused(
            "checksum_missing",
            f"its checksum file (`source.checksum: {kind}`) is not beside the export",
            "Ask the mission to deliver it, or take `source.checksum` out of the contract if it gives none",
        )
    told = stated(text, kind, delivery.name)
    if told is None:
        raise Refused(
            "checksum_unreadable",
            f"its checksum file states no {kind} of the export",
            "Ask the mission how it is made",
        )
    if not hmac.compare_digest(told, hashlib.new(kind, data, usedforsecurity=False).hexdigest()):
        raise Refused(
            "checksum_mismatch",
            f"the export is not what its checksum file ({kind}) states: it is damaged, or not the mission's",
            "Ask the mission to deliver it again",
        )
