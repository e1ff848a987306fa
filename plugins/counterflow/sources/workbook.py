"""From the bytes of a workbook to the rows of one sheet, formulas already their cached values.

In: .xlsx, .xls or .ods. Out: rows of typed cells. What a workbook claims to hold is judged before
the reader lays it out, because the reader believes it.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from python_calamine import CalamineWorkbook

from counterflow.contracts.model import Limits
from counterflow.sources import biff, opendocument
from counterflow.sources.errors import Refused
from counterflow.sources.extent import Extent, check
from counterflow.sources.unheard import unheard
from counterflow.sources.unpack import check_directory
from counterflow.text import fold

_ASK = "Ask the mission to save it again as .{}"

# Whatever the prefix, and every reference of a cell: a second one would be an error, and the reader believes it.
_CELL = re.compile(rb"<(?:[\w.-]+:)?(?:c|dimension)(?=\s)[^>]*")
_REFERENCE = re.compile(rb"\br(?:ef)?\s*=\s*[\"'](?:[A-Za-z]+\d+:)?([A-Za-z]+)(\d+)")
_SHARED_CELL = re.compile(rb'<c\b[^>]*?\bt="s"[^>]*>\s*<v>(\d{1,9})</v>')
_SHARED_STRING = re.compile(rb"<si\b.*?</si>", re.DOTALL)


def check_extent(data: bytes, kind: str, limits: Limits) -> None:
    """Refuse a workbook whose few bytes would become a huge table, before anything lays it out."""
    if kind == "xls":
        _check_binary(data, limits)
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a directory has its own ways of being damaged
        raise _not_a(kind, data) from None
    check_directory(infos, limits)
    with archive:
        names = archive.namelist()
        if kind == "ods":
            _check_open_document(archive, names, limits)
        elif "mimetype" in names:
            raise _not_a(kind, data)
        else:
            check(_sheets(archive, names, limits), limits)


def _check_binary(data: bytes, limits: Limits) -> None:
    if not data.startswith(biff.MAGIC):
        raise _not_a("xls", data)
    try:
        claims = biff.claims(data)
    except ValueError:
        raise _damaged("xls") from None
    if claims.locked:
        raise _locked()
    check(claims.sheets, limits)


def _check_open_document(archive: zipfile.ZipFile, names: list[str], limits: Limits) -> None:
    if "content.xml" not in names:
        raise _not_a("ods", b"")
    manifest = "META-INF/manifest.xml"
    if manifest in names and b"encryption-data" in _member(archive, manifest, "ods", limits):
        raise _locked()
    try:
        check(opendocument.extents(_member(archive, "content.xml", "ods", limits)), limits)
    except ValueError:
        raise _damaged("ods") from None


def _sheets(archive: zipfile.ZipFile, names: list[str], limits: Limits) -> Iterator[Extent]:
    """What each sheet of an .xlsx claims."""
    strings: list[int] = []
    for name in names:
        if name.endswith("sharedStrings.xml"):
            found = _SHARED_STRING.finditer(_member(archive, name, "xlsx", limits))
            strings = [match.end() - match.start() for match in found]
    for name in names:
        if "worksheets/" not in name or not name.endswith(".xml"):
            continue
        content = _member(archive, name, "xlsx", limits)
        extent = Extent()
        for column, row in _REFERENCE.findall(b"\n".join(_CELL.findall(content))):
            extent.columns = max(extent.columns, _column_number(column.upper()))
            extent.rows = max(extent.rows, int(row[:9]))
        shared = (int(i) for i in _SHARED_CELL.findall(content))
        extent.text = sum(strings[i] for i in shared if i < len(strings))
        yield extent


def _member(archive: zipfile.ZipFile, name: str, kind: str, limits: Limits) -> bytes:
    try:
        with archive.open(name) as member:
            return member.read(limits.unpacked)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the file is damaged
        raise _damaged(kind) from None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8]:
        number = number * 26 + letter - 64
    return number


def _not_a(kind: str, data: bytes) -> Refused:
    """It is something else: said, if its first bytes tell."""
    start = data[:256].lstrip().lower()
    looks = ""
    if data.startswith(biff.MAGIC):
        looks = ". It looks like .xls, or is locked with a password"
    elif data.startswith(b"PK"):
        looks = ". It looks like a workbook of another kind: see `source.format`"
    elif start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"\xef\xbb\xbf<")):
        looks = ". It looks like a page of the web under a workbook's name"
    problem = f"the file is no .{kind} workbook, or is truncated{looks}"
    return Refused("bad_workbook", problem, _ASK.format(kind))


def _damaged(kind: str) -> Refused:
    return Refused("bad_workbook", "the workbook is damaged", _ASK.format(kind))


def _locked() -> Refused:
    return Refused(
        "encrypted",
        "the workbook is locked with a password",
        "Ask the mission to save it without, and to lock the archive instead",
    )


def sheet_rows(
    data: bytes, sheet: str | None, limits: Limits, kind: str = "xlsx"
) -> list[list[Any]]:
    """The rows of `sheet` (the first one if None), typed cells. Raises Refused."""
    if not data:
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
    check_extent(data, kind, limits)
    try:
        with unheard():
            return _rows(data, sheet)
    except (Refused, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of the reader is no Exception; its text may quote a cell
        raise Refused("bad_workbook", "the workbook cannot be read", _ASK.format(kind)) from None


def _rows(data: bytes, sheet: str | None) -> list[list[Any]]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = {fold(name): name for name in workbook.sheet_names}
    wanted = names.get(fold(sheet)) if sheet else workbook.sheet_names[0]
    if wanted is None:
        raise Refused(
            "missing_sheet",
            f"there is no sheet `{sheet}` among the {len(names)} of the workbook",
            "Correct `sheet` in the contract, or ask the mission to export as before",
        )
    rows: list[list[Any]] = workbook.get_sheet_by_name(wanted).to_python(skip_empty_area=False)
    return rows
