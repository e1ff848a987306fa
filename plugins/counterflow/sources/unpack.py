"""From the bytes of an export to its files, in memory: name to bytes.

An archive is hostile until shown otherwise: sizes, ratios, names and encryption are judged from
its directory before anything is unpacked, and again while unpacking, because a directory can lie.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused

_ASK = "Ask the mission to export again"


def unpack_zip(data: bytes, limits: Limits) -> dict[str, bytes]:
    """The files of the archive by their path in it. Raises Refused; writes nothing to disk."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, EOFError):
        raise Refused(
            "bad_archive", "the zip cannot be opened; it may be truncated", _ASK
        ) from None
    check_directory(infos, limits)
    files: dict[str, bytes] = {}
    left = limits.unpacked
    for number, info in enumerate(infos, start=1):
        try:
            with archive.open(info) as member:
                content = member.read(left + 1)
        except Exception:  # noqa: BLE001 - each way of packing has its own way of being damaged
            raise Refused("bad_archive", f"file {number} of the zip is damaged", _ASK) from None
        left -= len(content)
        if left < 0:
            raise _bomb(limits)
        if info.filename in files:
            raise Refused("bad_archive", "two files of the zip have one name", _ASK)
        files[info.filename] = content
    return files


def check_directory(infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Refuse by what the archive's directory says, before any byte is unpacked."""
    if len(infos) > limits.members:
        raise Refused(
            "too_many_files",
            f"the zip holds {len(infos)} files, the contract allows {limits.members}",
            "Ask the mission what it packed, or raise `source.limits.members`",
        )
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise Refused("unsafe_path", "a path in the zip climbs out of its folder", _ASK)
        if info.flag_bits & 1:
            raise Refused(
                "encrypted", "the zip is encrypted", "Name the passphrase's secret in the contract"
            )
        large = info.file_size > 10_000_000
        if large and info.file_size > limits.ratio * max(info.compress_size, 1):
            raise _bomb(limits)
    if sum(info.file_size for info in infos) > limits.unpacked:
        raise _bomb(limits)


def _bomb(limits: Limits) -> Refused:
    return Refused(
        "zip_bomb",
        f"unpacked, the zip would exceed {limits.unpacked} bytes or {limits.ratio} times its size",
        "Ask the mission what it packed; raise `source.limits` only if it is right",
    )
