"""From the bytes of a workbook to the rows of one sheet, formulas already their cached values."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused
from counterflow.sources.unpack import check_directory
from counterflow.text import fold

_ASK = "Ask the mission to save it again as .xlsx"


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
    except (CalamineError, IndexError, ValueError, OSError):
        raise Refused("bad_workbook", "the workbook cannot be read", _ASK) from None
    return rows
