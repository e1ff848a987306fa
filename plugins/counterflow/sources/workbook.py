"""From the bytes of a workbook to the rows of one sheet, formulas already their cached values."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from python_calamine import CalamineWorkbook

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused
from counterflow.sources.unpack import check_directory
from counterflow.text import fold

_ASK = "Ask the mission to save it again as .xlsx"


_REFERENCE = re.compile(rb'<(?:c|dimension)\b[^>]*?\br(?:ef)?="(?:[A-Z]+\d+:)?([A-Z]+)(\d+)"')
_SHARED_CELL = re.compile(rb'<c\b[^>]*?\bt="s"[^>]*>\s*<v>(\d{1,9})</v>')
_SHARED_STRING = re.compile(rb"<si\b.*?</si>", re.DOTALL)
_MOST_CELLS = 20_000_000  # the reader lays the whole rectangle out, blank cells too


def check_extent(data: bytes, limits: Limits) -> None:
    """Refuse a workbook whose few bytes would become a huge table, before anything lays it out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        strings: list[int] = []
        for name in archive.namelist():
            if name.endswith("sharedStrings.xml"):
                found = _SHARED_STRING.finditer(_member(archive, name, limits))
                strings = [match.end() - match.start() for match in found]
        for name in archive.namelist():
            if "worksheets/" not in name or not name.endswith(".xml"):
                continue
            content = _member(archive, name, limits)
            width = height = 0
            for column, row in _REFERENCE.findall(content):
                width = max(width, _column_number(column))
                height = max(height, int(row[:9]))
            if width * height > _MOST_CELLS or height > limits.rows + 100:
                raise _too_wide()
            used = sum(
                strings[int(i)] for i in _SHARED_CELL.findall(content) if int(i) < len(strings)
            )
            if used > limits.unpacked:
                raise _too_wide()


def _member(archive: zipfile.ZipFile, name: str, limits: Limits) -> bytes:
    try:
        with archive.open(name) as member:
            return member.read(limits.unpacked)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the file is damaged
        raise Refused("bad_workbook", "the workbook is damaged", _ASK) from None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8]:
        number = number * 26 + letter - 64
    return number


def _too_wide() -> Refused:
    return Refused(
        "too_many_cells",
        "the sheet claims more cells than can be laid out; one far outside is enough",
        "Ask the mission to delete the empty rows and columns beyond the table and save again",
    )


def sheet_rows(data: bytes, sheet: str | None, limits: Limits) -> list[list[Any]]:
    """The rows of `sheet` (the first one if None), typed cells. Raises Refused."""
    if not data:
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
    try:
        infos = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError):
        raise Refused(
            "bad_workbook", "the file is no .xlsx workbook, or is truncated", _ASK
        ) from None
    check_directory(infos, limits)
    check_extent(data, limits)
    try:
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
    except (Refused, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of the reader is no Exception; its text may quote a cell
        raise Refused("bad_workbook", "the workbook cannot be read", _ASK) from None
    return rows
