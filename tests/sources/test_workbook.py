"""Workbooks of three kinds: read alike, and refused where a few bytes claim a huge table."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P, S

from counterflow.contracts.model import Limits
from counterflow.sources import Refused, biff
from counterflow.sources.readers import cell_text
from counterflow.sources.workbook import sheet_rows

Rows = list[list[object]]
SHEET: Rows = [
    ["Land", "Day", "Years", "Told", "Number"],
    ["NA", date(2009, 3, 1), 2.5, True, 7],
    ["São Tomé", datetime(2009, 3, 1, 10, 30), "2,5", None, "007"],
]
TEXTS = [
    ["Land", "Day", "Years", "Told", "Number"],
    ["NA", "2009-03-01", "2,5", "TRUE", "7"],
    ["São Tomé", "2009-03-01T10:30:00", "2,5", "", "007"],
]


def workbook(*cells: tuple[str, object]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Cases")
        for place, value in cells:
            sheet.write(place, value)
    return target.getvalue()


def xlsx(rows: Rows) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        book.add_worksheet("Notes").write("A1", "read me")
        sheet = book.add_worksheet("Cases")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.set_row(0, None, None, {"hidden": True})
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(r, c, value, day)
                elif value is not None:
                    sheet.write(r, c, value)
    return target.getvalue()


def xls(rows: Rows) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    book.add_sheet("Notes").write(0, 0, "read me")
    sheet = book.add_sheet("Cases")
    styles = {
        date: xlwt.easyxf(num_format_str="DD/MM/YYYY"),
        datetime: xlwt.easyxf(num_format_str="DD/MM/YYYY HH:MM"),
    }
    sheet.row(0).hidden = True
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value is not None:
                sheet.write(r, c, value, styles.get(type(value), xlwt.XFStyle()))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def ods_cell(value: object, **more: object) -> TableCell:
    match value:
        case None:
            return TableCell(**more)
        case bool():
            return TableCell(valuetype="boolean", booleanvalue=str(value).lower(), **more)
        case int() | float():
            return TableCell(valuetype="float", value=str(value), **more)
        case date():
            return TableCell(valuetype="date", datevalue=value.isoformat(), **more)
    cell = TableCell(valuetype="string", **more)
    cell.addElement(P(text=value))
    return cell


def ods(rows: Rows | list[TableRow]) -> bytes:
    document = OpenDocumentSpreadsheet()
    for name, content in (("Notes", [["read me"]]), ("Cases", rows)):
        table = Table(name=name)
        for place, row in enumerate(content):
            made = row
            if isinstance(row, list):
                made = TableRow(visibility="collapse" if place == 0 else "visible")
                for value in row:
                    made.addElement(ods_cell(value))
            table.addElement(made)
        document.spreadsheet.addElement(table)
    target = io.BytesIO()
    document.write(target)
    return target.getvalue()


KINDS = {"xlsx": xlsx, "xls": xls, "ods": ods}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_alike(kind: str) -> None:
    """Hidden rows are rows, dates are dates, Namibia's code stays one, a number gets the mark asked for."""
    rows = sheet_rows(KINDS[kind](SHEET), "cases", Limits(), kind)
    assert [[cell_text(cell, ",") for cell in row] for row in rows] == TEXTS


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_sheet_is_named(kind: str) -> None:
    with pytest.raises(Refused, match="no sheet `Cases 2011`"):
        sheet_rows(KINDS[kind](SHEET), "Cases 2011", Limits(), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_another_kind_is_named(kind: str, other: str) -> None:
    if kind != other:
        with pytest.raises(Refused, match=f"no .{kind} workbook") as refused:
            sheet_rows(KINDS[other](SHEET), None, Limits(), kind)
        assert refused.value.code == "bad_workbook"


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_the_web_under_a_workbooks_name(kind: str) -> None:
    page = b"\n <html><body><table><tr><td>secret</td></tr></table></body></html>"
    with pytest.raises(Refused, match="page of the web") as refused:
        sheet_rows(page, None, Limits(), kind)
    assert "secret" not in str(refused.value)


# Excel 97: records are patched where a writer would not write them.


def many_sheets(far: bool) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    for number in range(3):
        sheet = book.add_sheet(f"S{number}")
        sheet.write(0, 0, "x")
        if far:
            sheet.write(65535, 255, "y")
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_sheets_of_excel_97_are_judged_together() -> None:
    assert len(sheet_rows(many_sheets(False), None, Limits(), "xls")) == 1
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(many_sheets(True), None, Limits(), "xls")


def test_a_long_text_in_many_cells_of_excel_97_is_refused() -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Cases")
    for row in range(2000):
        sheet.write(row, 0, "ж" * 10_000)
    target = io.BytesIO()
    book.save(target)
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(target.getvalue(), None, Limits(unpacked=2_000_000), "xls")
    assert len(sheet_rows(target.getvalue(), None, Limits(), "xls")) == 2000


def test_dimensions_that_lie_are_believed_to_be_refused() -> None:
    """The reader sets memory aside for them, cells or none."""
    data = xls(SHEET)
    at = data.rindex(struct.pack("<HH", 0x0200, 14))
    lying = data[: at + 8] + struct.pack("<I", 1 << 30) + data[at + 12 :]
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(lying, None, Limits(), "xls")


@pytest.mark.parametrize(("at", "form", "value"), [(4, "<I", 99), (12, "<H", 99)])
def test_dimensions_that_end_before_they_begin_are_damage(at: int, form: str, value: int) -> None:
    """Found by fuzzing: the reader took the difference for two terabytes, and its process was aborted."""
    data = xls(SHEET)
    place = data.rindex(struct.pack("<HH", 0x0200, 14)) + at
    size = struct.calcsize(form)
    lying = data[:place] + struct.pack(form, value) + data[place + size :]
    with pytest.raises(Refused, match="damaged"):
        sheet_rows(lying, None, Limits(), "xls")


def test_two_sheets_at_one_place_are_damage() -> None:
    data = many_sheets(False)
    places = [
        i for i in range(len(data) - 4) if data[i : i + 2] == b"\x85\x00" and data[i + 3] == 0
    ]
    first = data[places[0] + 4 : places[0] + 8]
    doubled = data[: places[1] + 4] + first + data[places[1] + 8 :]
    with pytest.raises(Refused, match="damaged"):
        sheet_rows(doubled, None, Limits(), "xls")


def test_a_locked_workbook_of_excel_97_is_refused() -> None:
    data = xls(SHEET)
    at = data.index(struct.pack("<HH", 0x0809, 16)) + 20  # the record after the beginning
    locked = data[:at] + struct.pack("<H", 0x002F) + data[at + 2 :]
    with pytest.raises(Refused) as refused:
        sheet_rows(locked, None, Limits(), "xls")
    assert refused.value.code == "encrypted"


LONG = xls([["ж" * 9000, "y" * 30000, f"{n}" * 500] for n in range(50)])


def test_texts_that_go_on_in_the_next_record_are_measured() -> None:
    (_, sheet) = biff.claims(LONG).sheets
    letters = 50 * 39_000 + sum(500 * len(str(n)) for n in range(50))
    assert (sheet.rows, sheet.columns) == (50, 3)
    assert sheet.text == 3 * letters


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_breaks_the_walk(data: st.DataObject) -> None:
    """Whatever is cut or changed, it is told or refused: nothing else is raised, nothing hangs."""
    whole = xls(SHEET)
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["cut", "byte", "word"]))
    if how == "cut":
        broken = whole[:at]
    else:
        put = bytes(data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=4)))
        broken = whole[:at] + put + whole[at + len(put) :]
    try:
        told = biff.claims(broken)
    except ValueError:
        return
    assert all(s.rows >= 0 and s.columns >= 0 and s.text >= 0 for s in told.sheets)


# OpenDocument: a cell, a row and a blank can each be repeated.


def repeated(cell: dict[str, int], row: dict[str, int], value: object = "x") -> bytes:
    made = TableRow(**row)
    made.addElement(ods_cell(value, **cell))
    return ods([made])


@pytest.mark.parametrize(
    ("cell", "row"),
    [
        ({"numbercolumnsrepeated": 16384}, {"numberrowsrepeated": 1048576}),
        ({}, {"numberrowsrepeated": 6_000_000}),
        ({"numbercolumnsrepeated": 30_000_000}, {}),
    ],
)
def test_repetitions_of_a_cell_are_counted(cell: dict[str, int], row: dict[str, int]) -> None:
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(repeated(cell, row), "Cases", Limits(), "ods")


def test_a_long_text_repeated_is_refused() -> None:
    data = repeated({"numbercolumnsrepeated": 200}, {"numberrowsrepeated": 200}, "x" * 1000)
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(data, "Cases", Limits(unpacked=20_000_000), "ods")


def test_blanks_repeated_are_refused() -> None:
    cell = TableCell(valuetype="string")
    text = P(text="x")
    text.addElement(S(c=2_000_000_000))
    cell.addElement(text)
    row = TableRow()
    row.addElement(cell)
    with pytest.raises(Refused, match="more cells"):
        sheet_rows(ods([row]), "Cases", Limits(), "ods")


def test_blank_rows_to_the_end_of_the_sheet_are_nothing() -> None:
    """Every .ods of LibreOffice ends so."""
    first, rest = TableRow(), TableRow(numberrowsrepeated=1048575)
    first.addElement(ods_cell("x"))
    rest.addElement(TableCell(numbercolumnsrepeated=16384))
    assert sheet_rows(ods([first, rest]), "Cases", Limits(), "ods")[0][0] == "x"


def changed(data: bytes, name: str, change: object) -> bytes:
    """The .ods with one of its files changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info, change(content) if info.filename == name else content)  # type: ignore[operator]
    return target.getvalue()


def test_a_document_with_entities_of_its_own_is_refused() -> None:
    def bomb(content: bytes) -> bytes:
        head, _, body = content.partition(b"?>")
        return head + b'?><!DOCTYPE x [<!ENTITY a "xxxxxxxxxx">]>' + body

    with pytest.raises(Refused, match="damaged"):
        sheet_rows(changed(ods(SHEET), "content.xml", bomb), "Cases", Limits(), "ods")


def test_a_locked_or_malformed_document_is_refused() -> None:
    def lock(content: bytes) -> bytes:
        end = b"</manifest:manifest>"
        return content.replace(end, b"<manifest:encryption-data/>" + end)

    with pytest.raises(Refused) as refused:
        sheet_rows(changed(ods(SHEET), "META-INF/manifest.xml", lock), None, Limits(), "ods")
    assert refused.value.code == "encrypted"
    with pytest.raises(Refused, match="damaged"):
        sheet_rows(changed(ods(SHEET), "content.xml", lambda c: c[:-20]), None, Limits(), "ods")


def test_a_panic_of_the_reader_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """It writes its message past Python to the standard error, and that is the log of a task."""
    with pytest.raises(Refused, match="cannot be read"):  # by the reader: its directory is cut off
        sheet_rows(xls(SHEET)[:-15], "Cases", Limits(), "xls")
    assert capfd.readouterr().err == ""


def test_what_a_reader_says_of_a_cell_is_not_heard(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panicking:
        sheet_names = ("Cases",)

        @classmethod
        def from_filelike(cls, data: object) -> Panicking:
            os.write(2, b"byte index 3 is not a char boundary of `Anna Petrova`\n")
            raise BaseException("panicked at `Anna Petrova`")

    monkeypatch.setattr("counterflow.sources.workbook.CalamineWorkbook", Panicking)
    with pytest.raises(Refused) as refused:
        sheet_rows(xlsx(SHEET), "Cases", Limits())
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"
    assert "Anna" not in str(refused.value)
