"""Workbooks: a few bytes that claim a huge table are refused before anything is laid out."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from counterflow.contracts.model import Limits
from counterflow.sources import Refused
from counterflow.sources.workbook import sheet_rows


def workbook(*cells: tuple[str, object]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Cases")
        for place, value in cells:
            sheet.write(place, value)
    return target.getvalue()


def test_a_sheet_is_read() -> None:
    assert sheet_rows(workbook(("A1", "x"), ("B2", 2)), "cases", Limits()) == [["x", ""], ["", 2.0]]


@pytest.mark.parametrize("far", ["XFD1048576", "T1048576"])
def test_one_cell_far_outside_is_refused(far: str) -> None:
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(workbook(("A1", "x"), (far, "y")), None, Limits())


def test_one_long_text_in_very_many_cells_is_refused() -> None:
    cells = [(f"A{row}", "x" * 10_000) for row in range(1, 2001)]
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(workbook(*cells), None, Limits(unpacked=2_000_000))


def test_a_missing_sheet_is_named() -> None:
    with pytest.raises(Refused, match="no sheet `Cases 2011`"):
        sheet_rows(workbook(("A1", "x")), "Cases 2011", Limits())
