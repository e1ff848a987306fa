"""From the bytes of an export to its files, in memory: name to bytes.

An archive is hostile until shown otherwise: sizes, ratios, names and encryption are judged from
its directory before anything is unpacked, and again while unpacking, because a directory can lie.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused

_ASK = "Ask the mission to export again"


def unpack_zip(
    data: bytes, limits: Limits, passphrases: Collection[bytes] = ()
) -> dict[str, bytes]:
    """The files of the archive by their path in it. Raises Refused; writes nothing to disk.

    With `passphrases` every file must be locked with AES; the first one that opens a file is used.
    """
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
    files: dict[str, bytes] = {}
    left = limits.unpacked
    for number, info in enumerate(infos, start=1):
        content = _read(archive, info, number, left, passphrases)
        left -= len(content)
        if left < 0:
            raise _bomb(limits)
        if info.filename in files:
            raise Refused("bad_archive", "two files of the zip have one name", _ASK)
        files[info.filename] = content
    return files


def _opened(data: bytes, is_locked: bool) -> Any:
    if not is_locked:
        return zipfile.ZipFile(io.BytesIO(data))
    import pyzipper

    return pyzipper.AESZipFile(io.BytesIO(data))


def _read(
    archive: Any, info: Any, number: int, limit: int, passphrases: Collection[bytes]
) -> bytes:
    """One file, at most one byte more than `limit`."""
    phrases: list[bytes | None] = [one.strip() for one in list(passphrases)[:2]]
    for phrase in phrases or [None]:
        try:
            with archive.open(info, pwd=phrase) as member:
                return bytes(member.read(limit + 1))
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
