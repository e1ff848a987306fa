"""From the bytes of an export to its files, in memory: name to bytes, or to what is unpacked in pieces.

An archive is hostile until shown otherwise: sizes, ratios, names and encryption are judged from
its directory before anything is unpacked, and again while unpacking, because a directory can lie.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused

_ASK = "Ask the mission to export again"
_PIECE = 1 << 20  # bytes that are unpacked at once


@dataclass(frozen=True, slots=True, repr=False)
class Member:
    """A file of an export: in an archive still packed, to be unpacked piece by piece, as often as asked."""

    size: int  # bytes, unpacked
    _unpack: Callable[[], Iterator[bytes]]

    @classmethod
    def plain(cls, data: bytes) -> Member:
        """A file that is not packed."""
        pieces = range(0, len(data), _PIECE)
        return cls(len(data), lambda: (data[at : at + _PIECE] for at in pieces))

    def pieces(self) -> Iterator[bytes]:
        """Its bytes. Raises Refused where it is damaged, the same each time."""
        return self._unpack()


def unpack_zip(
    data: bytes, limits: Limits, passphrases: Collection[bytes] = ()
) -> dict[str, bytes]:
    """The files of the archive by their path in it. Raises Refused; writes nothing to disk.

    With `passphrases` every file must be locked with AES; the first one that opens a file is used.
    """
    return unpacked(zip_members(data, limits, passphrases), limits)


def unpacked(members: Mapping[str, Member], limits: Limits) -> dict[str, bytes]:
    """The bytes of all members. Raises Refused."""
    files: dict[str, bytes] = {}
    left = limits.unpacked
    for name, member in members.items():
        content = b"".join(_at_most(member.pieces(), left))
        left -= len(content)
        if left < 0:
            raise _bomb(limits)
        files[name] = content
    return files


def zip_members(
    data: bytes, limits: Limits, passphrases: Collection[bytes] = ()
) -> dict[str, Member]:
    """The same files, nothing unpacked yet: the directory alone is judged. Raises Refused."""
    _check_count(data, limits)
    try:
        archive = _opened(data, bool(passphrases))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a directory has its own ways of being damaged
        raise Refused(
            "bad_archive", "the zip cannot be opened; it may be truncated", _ASK
        ) from None
    check_directory(infos, limits, bool(passphrases))
    members: dict[str, Member] = {}
    for number, info in enumerate(infos, start=1):
        if info.filename in members:
            raise Refused("bad_archive", "two files of the zip have one name", _ASK)
        unpack = partial(_pieces, archive, info, number, passphrases)
        members[info.filename] = Member(info.file_size, unpack)
    return members


def _at_most(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """The pieces, until they are more than `limit` bytes."""
    for piece in pieces:
        yield piece
        limit -= len(piece)
        if limit < 0:
            return


def _opened(data: bytes, is_locked: bool) -> Any:
    if not is_locked:
        return zipfile.ZipFile(io.BytesIO(data))
    import pyzipper

    return pyzipper.AESZipFile(io.BytesIO(data))


def _pieces(
    archive: Any, info: Any, number: int, passphrases: Collection[bytes]
) -> Iterator[bytes]:
    """One file. Its directory's size is the most that comes: the library reads no further."""
    phrases: list[bytes | None] = [one.strip() for one in list(passphrases)[:2]]
    for phrase in phrases or [None]:
        try:
            with archive.open(info, pwd=phrase) as member:
                while piece := bytes(member.read(_PIECE)):
                    yield piece
                return
        except MemoryError:
            raise
        except RuntimeError as error:
            if "assword" in str(error):
                continue
            raise Refused("bad_archive", f"file {number} of the zip is damaged", _ASK) from None
        except Exception as error:  # noqa: BLE001 - each way of packing has its own way of being damaged
            if "HMAC" in str(error):
                raise Refused(
                    "altered", f"file {number} of the locked zip was altered on its way", _ASK
                ) from None
            raise Refused("bad_archive", f"file {number} of the zip is damaged", _ASK) from None
    raise Refused(
        "wrong_key",
        "the passphrase of the contract does not open the zip (`source.encryption.zip`)",
        "Agree on the passphrase with the mission, and store it again",
    )


def _check_count(data: bytes, limits: Limits) -> None:
    """Refuse very many files before a directory of them is laid out in memory."""
    end = data.rfind(b"PK\5\6")
    if end < 0 or end + 16 > len(data):
        return
    size = struct.unpack_from("<I", data, end + 12)[0]
    count = data.count(b"PK\1\2", max(end - size, 0), end)
    if count > 100 * limits.members:
        raise _too_many(limits)


def check_directory(infos: list[Any], limits: Limits, is_locked: bool = False) -> None:
    """Refuse by what the archive's directory says, before any byte is unpacked."""
    if len(infos) > limits.members:
        raise _too_many(limits)
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise Refused("unsafe_path", "a path in the zip climbs out of its folder", _ASK)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Refused("unsafe_path", "the zip holds a link in place of a file", _ASK)
        _check_lock(info, is_locked)
        large = info.file_size > 10_000_000
        if large and info.file_size > limits.ratio * max(info.compress_size, 1):
            raise _bomb(limits)
    if sum(info.file_size for info in infos) > limits.unpacked:
        raise _bomb(limits)


def _check_lock(info: Any, is_locked: bool) -> None:
    if not info.flag_bits & 1:
        if is_locked:
            raise Refused(
                "not_encrypted",
                "a file of the zip is not encrypted, as the contract says (`source.encryption.zip`)",
                "Ask the mission to encrypt it, and whether it went over an open line",
            )
    elif not is_locked:
        raise Refused(
            "encrypted",
            "the zip is encrypted, and the contract says nothing of it",
            "Name its passphrase in the contract (`source.encryption.zip`)",
        )
    elif not getattr(info, "wz_aes_version", None):
        raise Refused(
            "weak_encryption",
            "the zip is locked with ZipCrypto, which is broken",
            "Ask the mission to choose AES-256 as the encryption method (7-Zip, WinZip)",
        )


def _too_many(limits: Limits) -> Refused:
    return Refused(
        "too_many_files",
        f"the zip holds more files than the {limits.members} that the contract allows",
        "Ask the mission what it packed, or raise `source.limits.members`",
    )


def _bomb(limits: Limits) -> Refused:
    return Refused(
        "zip_bomb",
        f"unpacked, the zip would exceed {limits.unpacked} bytes or {limits.ratio} times its size",
        "Ask the mission what it packed; raise `source.limits` only if it is right",
    )
