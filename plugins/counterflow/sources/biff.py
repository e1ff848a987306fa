"""What a workbook of Excel 97 (.xls) claims to hold, told from its records before it is laid out.

In: the bytes. Out: per sheet its rectangle, and the bytes of text that its cells repeat. The reader
lays a whole rectangle out and copies a shared text into every cell that names it, so a few bytes
can claim gigabytes. Damage is a ValueError: what cannot be walked cannot be judged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from counterflow.sources.extent import Extent

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # this and above is no sector
_MOST_RECORDS = 20_000_000

_BOF, _EOF, _BOUNDSHEET, _SST, _CONTINUE = 0x0809, 0x000A, 0x0085, 0x00FC, 0x003C
_FILEPASS, _DIMENSIONS, _LABELSST, _MULRK = 0x002F, 0x0200, 0x00FD, 0x00BD
# formula, number, label, boolean or error, RK number, several of them, shared text, rich text
_CELLS = frozenset((0x0006, 0x0203, 0x0204, 0x0205, 0x027E, _MULRK, _LABELSST, 0x00D6))


@dataclass(slots=True)
class Claims:
    """What a workbook claims; of a locked one nothing is known but that it is."""

    locked: bool
    sheets: list[Extent]


def claims(data: bytes) -> Claims:
    """The claims of a workbook. Raises ValueError where its structure is damaged."""
    try:
        return _claims(_stream(data))
    except (struct.error, IndexError) as error:
        raise ValueError("the structure breaks off") from error


def _claims(book: bytes) -> Claims:
    starts: list[int] = []
    strings: list[int] = []
    shared: list[bytes] = []
    before = 0
    for kind, content in _records(book, 0):
        if kind == _FILEPASS:
            return Claims(True, [])
        if kind == _BOUNDSHEET:
            starts.append(struct.unpack_from("<I", content)[0])
        if kind == _SST:
            shared = [content]
        elif kind == _CONTINUE and before in (_SST, _CONTINUE) and shared:
            shared.append(content)
        elif shared and not strings:
            strings = _string_sizes(shared)
        before = kind
    if len(set(starts)) != len(starts):
        raise ValueError("two sheets stand at one place")
    left = _MOST_RECORDS
    sheets = []
    for start in starts:
        extent, walked = _extent(book, start, strings, left)
        left -= walked
        sheets.append(extent)
    return Claims(False, sheets)


def _extent(book: bytes, start: int, strings: list[int], left: int) -> tuple[Extent, int]:
    extent, walked = Extent(), 0
    for walked, (kind, content) in enumerate(_records(book, start), start=1):
        if walked > left:
            raise ValueError("there are too many records")
        if kind in _CELLS and len(content) >= 6:
            row, column = struct.unpack_from("<HH", content)
            if kind == _MULRK:
                column = struct.unpack_from("<H", content, len(content) - 2)[0]
            extent.rows = max(extent.rows, row + 1)
            extent.columns = max(extent.columns, column + 1)
            if kind == _LABELSST:
                number = struct.unpack_from("<I", content, 6)[0]
                extent.text += strings[number] if number < len(strings) else 0
        elif kind == _DIMENSIONS and len(content) >= 8:
            # memory is set aside for what this says, whether there are cells or not; where it ends
            # before it begins, for the largest number there is
            form = "<IIHH" if len(content) >= 12 else "<HHHH"
            first_row, last_row, first_column, last_column = struct.unpack_from(form, content)
            if first_row > last_row or first_column > last_column:
                raise ValueError("a sheet ends before it begins")
            extent.rows = max(extent.rows, last_row)
            extent.columns = max(extent.columns, last_column)
    return extent, walked


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of the stream: from its beginning to the mark of its end."""
    depth = 0
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, at)
        yield kind, book[at + 4 : at + 4 + length]
        at += 4 + length
        depth += (kind == _BOF) - (kind == _EOF)
        if kind == _EOF and depth <= 0:
            return


def _string_sizes(parts: list[bytes]) -> list[int]:
    """Bytes, at most, of each shared text: a text may go on in the next record."""
    sizes: list[int] = []
    part, at = 0, 8
    count = struct.unpack_from("<I", parts[0], 4)[0]

    def following() -> tuple[int, int]:
        if part + 1 >= len(parts):
            raise ValueError("the shared texts break off")
        return part + 1, 0

    for _ in range(count):
        if at >= len(parts[part]):
            if part + 1 >= len(parts):
                break
            part, at = following()
        letters, flags = struct.unpack_from("<HB", parts[part], at)
        at += 3
        skipped = 0
        if flags & 8:
            skipped += 4 * int(struct.unpack_from("<H", parts[part], at)[0])
            at += 2
        if flags & 4:
            skipped += int(struct.unpack_from("<I", parts[part], at)[0])
            at += 4
        left, width = letters, 1 + (flags & 1)
        while left:
            taken = min(left, (len(parts[part]) - at) // width)
            at, left = at + taken * width, left - taken
            if left:
                part, at = following()
                width, at = 1 + (parts[part][0] & 1), 1
        while skipped:
            taken = min(skipped, len(parts[part]) - at)
            at, skipped = at + taken, skipped - taken
            if skipped:
                part, at = following()
        sizes.append(3 * letters)
    return sizes


def _stream(data: bytes) -> bytes:
    """The stream of the workbook inside the compound file that an .xls is."""
    if not data.startswith(MAGIC):
        raise ValueError("this is no compound file")
    size, small = (
        1 << struct.unpack_from("<H", data, 30)[0],
        1 << struct.unpack_from("<H", data, 32)[0],
    )
    if size not in (512, 4096) or small != 64:
        raise ValueError("sectors have an impossible size")
    first_directory, cutoff, first_small = struct.unpack_from("<I4xII", data, 48)
    sectors = list(struct.unpack_from("<109I", data, 76))
    further = struct.unpack_from("<I", data, 68)[0]
    for _ in range(len(data) // size + 1):
        if further >= _END:
            break
        listed = struct.unpack_from(f"<{size // 4}I", data, size + further * size)
        sectors += listed[:-1]
        further = listed[-1]
    table: list[int] = []
    for sector in sectors:
        if sector < _END:
            table += struct.unpack_from(f"<{size // 4}I", data, size + sector * size)

    def read(first: int) -> bytes:
        return b"".join(
            data[size + s * size : size + s * size + size] for s in _chain(table, first)
        )

    directory = read(first_directory)
    entries: dict[str, tuple[int, int]] = {}
    for at in range(0, len(directory) - 127, 128):
        name = directory[at : at + max(struct.unpack_from("<H", directory, at + 64)[0] - 2, 0)]
        entries[name.decode("utf-16-le", "replace").casefold()] = struct.unpack_from(
            "<II", directory, at + 116
        )
    found = entries.get("workbook") or entries.get("book")
    if found is None:
        raise ValueError("there is no workbook in it")
    first, length = found
    if length >= cutoff:
        return read(first)[:length]
    root = read(entries["root entry"][0]) if "root entry" in entries else b""
    small_table = read(first_small)
    listed = struct.unpack(f"<{len(small_table) // 4}I", small_table)
    parts = (root[s * small : (s + 1) * small] for s in _chain(list(listed), first))
    return b"".join(parts)[:length]


def _chain(table: list[int], sector: int) -> Iterator[int]:
    """The sectors that follow each other from `sector`. A circle is damage."""
    for _ in range(len(table) + 1):
        if sector >= _END:
            return
        yield sector
        sector = table[sector]
    raise ValueError("sectors run in a circle")
