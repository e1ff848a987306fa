"""From the bytes that a mission delivers to the files of its export, in memory: locks opened, zip unpacked.

In: the bytes, what the contract says of locks and signatures, and the means: keys, signature, public keys.
Out: files by name, and what is weak of their locks. Layers have one order, as missions make them:
OpenPGP, then age, then the zip, then the workbook. What is not as the contract says is refused.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from counterflow.contracts import Contract
from counterflow.contracts.model import Source
from counterflow.contracts.source import Encryption
from counterflow.sources import age, locked, packets, pgp
from counterflow.sources.errors import Refused
from counterflow.sources.unpack import Member, unpacked, zip_members

SIGNATURE_LIMIT = 64_000


@dataclass(frozen=True, slots=True, repr=False)
class Means:
    """What opens and proves an export. Has no repr: it holds secrets."""

    keys: Mapping[str, bytes] = field(default_factory=dict)  # by the contract's names
    signature: bytes | None = None  # the file beside the export
    certificates: Mapping[str, bytes] = field(default_factory=dict)  # public keys by fingerprint


@dataclass(slots=True)
class Opened:
    """The files of an export, and of each lock that is weak what is weak about it.

    Where the files are too large to be unpacked at once they are `members`, and `files` is empty.
    """

    files: dict[str, bytes]
    weak: list[str] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)


def open_export(
    data: bytes, contract: Contract, means: Means, night: date, at_once: int | None = None
) -> Opened:
    """The files of an export. Raises Refused; writes nothing to disk.

    `at_once`: how many bytes they may have together, to be unpacked at once; None is no bound.
    """
    source = contract.source
    locks = source.encryption or Encryption()
    _check_signature(data, source, means)
    for scheme, layer, looks, names in (
        ("OpenPGP", "pgp", packets.looks_encrypted, locks.pgp),
        ("age", "age", age.looks_encrypted, locks.age),
    ):
        if names:
            keys = _keys(means, names)
            data = (
                _open_pgp(data, source, means, keys, night)
                if layer == "pgp"
                else age.decrypt(data, keys)
            )
        elif looks(data):
            raise unexpected(scheme, layer)
    if source.archive:
        phrases = list(_keys(means, locks.zip).values())
        members = zip_members(data, source.limits, phrases)
    else:
        members = {"": Member.plain(data)}
    if at_once is not None and sum(member.size for member in members.values()) > at_once:
        return Opened({}, members=members)
    opened = Opened(unpacked(members, source.limits) if source.archive else {"": data})
    if locks.workbook:
        _open_workbooks(opened, contract, list(_keys(means, locks.workbook).values()))
    return opened


def unexpected(scheme: str, layer: str) -> Refused:
    """The refusal of what is locked although the contract says nothing of it."""
    return Refused(
        "encrypted",
        f"the export is encrypted by {scheme}, and the contract says nothing of it",
        f"Name its key in the contract (`source.encryption.{layer}`)",
    )


def _open_pgp(
    data: bytes, source: Source, means: Means, keys: dict[str, bytes], night: date
) -> bytes:
    locks, signature = source.encryption or Encryption(), source.signature
    inside = signature is not None and signature.place == "inside"
    return pgp.decrypt(
        data,
        keys,
        source.limits.packed if source.archive or locks.age else source.limits.unpacked,
        night,
        signature.by if signature is not None and inside else (),
        means.certificates,
    )


def _check_signature(data: bytes, source: Source, means: Means) -> None:
    signature = source.signature
    if signature is None:
        return
    if not set(signature.by) & set(means.certificates):
        raise Refused(
            "missing_key",
            "no public key of those that may sign the export is there",
            "Put it into `keys/` beside the contracts; `counterflow contracts check` names it",
        )
    if signature.place == "inside":
        return
    if means.signature is None:
        raise Refused(
            "missing_signature",
            f"the signature of the export is missing (its name and `{signature.suffix}`)",
            "Ask the mission to send it beside the export",
        )
    pgp.verify(data, means.signature, signature.by, means.certificates)


def _keys(means: Means, names: list[str]) -> dict[str, bytes]:
    """The keys of a layer that are there; at least one must be."""
    found = {name: means.keys[name] for name in names if name in means.keys}
    if names and not found:
        listed = ", ".join(f"`{name}`" for name in names)
        raise Refused(
            "missing_key",
            f"the key {listed} that opens the export is not there",
            "Store it in `keys/exports/` (0600), or in the secrets backend as the contract names it",
        )
    return found


def _open_workbooks(opened: Opened, contract: Contract, passwords: list[bytes]) -> None:
    wanted = [table.file for table in contract.tables.values() if table.file]
    for name, content in opened.files.items():
        is_read = contract.source.archive is None or any(
            fnmatch.fnmatch(name.rpartition("/")[2], pattern) for pattern in wanted
        )
        if is_read or not wanted:
            opened.files[name], notices_changes = locked.unlock(content, passwords)
            if not notices_changes:
                opened.weak.append("the workbook's lock (Excel 2007) does not notice changes")
