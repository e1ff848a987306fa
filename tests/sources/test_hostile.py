"""Exports that somebody made to do harm: each is refused, or read as the plain text that it is, within its limits.

What is tested elsewhere is not again here: bombs and climbing paths of a zip through a whole night
(tests/acceptance/test_bad_input.py), extents and entities of workbooks (test_workbook.py), carried texts of JSON
(test_documents.py), locks (test_unlocking.py).
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from counterflow.contracts.model import Limits
from counterflow.ingest import ingest
from counterflow.sources import Refused
from counterflow.sources.documents import parse_json
from counterflow.sources.unpack import unpack_zip
from counterflow.sources.workbook import sheet_rows
from counterflow.warehouse.patterns import shapes
from tests.sources.test_readers import read
from tests.support import COLUMNS, NIGHT, archive, case, table

LIMITS = Limits(unpacked=1_000_000, members=50, cell=10_000)


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return target.getvalue()


def link() -> bytes:
    info = zipfile.ZipInfo("cases.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((info, b"/etc/passwd"))


def overlapping(copies: int = 40) -> bytes:
    """Many entries of the directory name one file, which is packed once."""
    content = zlib.compress(b"0" * 100_000)[2:-4]
    name = b"a"
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(b"0" * 100_000), len(content), 100_000, 1, 0) + name + content  # fmt: skip
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(b"0" * 100_000), len(content), 100_000, 1, 0, 0, 0, 0, 0, 0)  # fmt: skip
    directory = b"".join(entry + bytes([97 + n % 26]) for n in range(copies))
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, copies, copies, len(directory), len(local), 0)
    return local + directory + end


def lying() -> bytes:
    """The directory says ten bytes where there are two million."""
    data = bytearray(zipped(("a.csv", b"0" * 2_000_000)))
    for mark, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.index(mark) + at, 10)
    return bytes(data)


ZIPS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "link": (link, {"unsafe_path"}),
    "absolute": (lambda: zipped(("/etc/cron.d/a", b"x")), {"unsafe_path"}),
    "climbing": (lambda: zipped(("a/../../b", b"x")), {"unsafe_path"}),
    "climbing_backwards": (lambda: zipped(("..\\..\\b", b"x")), {"unsafe_path"}),
    "a_drive": (lambda: zipped(("C:\\b", b"x")), {"unsafe_path"}),
    "overlapping": (overlapping, {"zip_bomb", "bad_archive"}),
    "lying": (lying, {"zip_bomb", "bad_archive"}),
    "many": (lambda: zipped(*((f"{n}.csv", b"") for n in range(60))), {"too_many_files"}),
    "very_many": (lambda: zipped(*((f"{n}.csv", b"") for n in range(6000))), {"too_many_files"}),
    "a_bomb_in_many_parts": (lambda: zipped(*((f"{n}.csv", b"0" * 30_000) for n in range(40))), {"zip_bomb"}),
    "one_name_twice": (lambda: zipped(("a.csv", b"x"), ("a.csv", b"y")), {"bad_archive"}),
    "half": (lambda: zipped(("a.csv", b"x" * 99))[:60], {"bad_archive"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ZIPS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_zip(name: str) -> None:
    make, codes = ZIPS[name]
    with pytest.raises(Refused) as told:
        unpack_zip(make(), LIMITS)
    assert told.value.code in codes
    assert (
        shapes(str(told.value)) == []
    )  # a message that looks personal would stop the publication of all


def test_a_zip_within_a_zip_is_a_file_and_is_not_opened() -> None:
    """So that one which holds itself ends nothing."""
    inner = zipped(("a.csv", b"0" * 900_000))
    assert unpack_zip(zipped(("inner.zip", inner)), LIMITS) == {"inner.zip": inner}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" + "9" * 100_000 + "]",
        '{"cases": [{"a": 1e999999999}]}',
        '{"cases": [{"a": 1, "a": 2}]}',
        '{"cases": [{"a": NaN}]}',
    ],
    ids=[
        "deep",
        "deep_objects",
        "a_giant_number",
        "a_giant_exponent",
        "one_key_twice",
        "no_number",
    ],
)
def test_hostile_json(text: str) -> None:
    """Refused, or a value that is text; never a crash, never for long."""
    with suppress(Refused):
        assert json.dumps(parse_json(text))


def sheet(body: str, strings: str = "") -> bytes:
    """A workbook of nothing but what is needed."""
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    pack = "http://schemas.openxmlformats.org/package/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return zipped(
        ("[Content_Types].xml", f'<Types xmlns="{kinds}"/>'.encode()),
        ("_rels/.rels", f'<Relationships xmlns="{pack}"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>'.encode()),
        ("xl/workbook.xml", f'<workbook {main} xmlns:r="{rel}"><sheets><sheet name="Cases" sheetId="1" r:id="r1"/></sheets></workbook>'.encode()),
        ("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{pack}"><Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{rel}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'.encode()),
        ("xl/sharedStrings.xml", f"<sst {main}>{strings}</sst>".encode()),
        ("xl/worksheets/sheet1.xml", body.replace("<worksheet>", f"<worksheet {main}>").encode()),
    )  # fmt: skip


LAUGHS = "<!DOCTYPE a [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)) + "]>"  # fmt: skip
OUTSIDE = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
CELL = '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row></sheetData></worksheet>'


@pytest.mark.parametrize(
    "data",
    [
        sheet(LAUGHS + CELL.format("&a9;")),
        sheet(OUTSIDE + CELL.format("&e;")),
        sheet('<worksheet><dimension ref="A1:XFD1048576"/><sheetData/></worksheet>'),
        sheet('<worksheet><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'),
        sheet('<worksheet><sheetData>' + '<row>' + '<c t="s"><v>0</v></c>' * 2000 + '</row></sheetData></worksheet>', f"<si><t>{'x' * 9000}</t></si>"),
    ],
    ids=["billion_laughs", "a_file_outside", "a_giant_dimension", "a_far_cell", "a_shared_text"],
)  # fmt: skip
def test_a_hostile_workbook_is_refused_or_says_nothing_of_what_is_outside(data: bytes) -> None:
    try:
        rows = sheet_rows(data, "Cases", LIMITS)
    except Refused:
        return
    told = repr(rows)
    assert "root:" not in told
    assert len(told) < 1_000_000


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A1" r="XFD1048576"/>',
        "<c r='XFD1048576'/>",
        '<c\tr = "XFD1048576"/>',
        '<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="XFD1048576"/>',
        '<c r="xfd1048576"/>',
    ],
)
def test_a_far_cell_is_seen_however_it_is_written(cell: str) -> None:
    """The first was found by fuzzing: the reader took the second reference, and asked for half a terabyte."""
    with pytest.raises(Refused) as told:
        sheet_rows(
            sheet(f"<worksheet><sheetData><row>{cell}</row></sheetData></worksheet>"), None, LIMITS
        )
    assert told.value.code == "too_many_cells"


def test_a_zip_of_a_version_to_come_is_damage() -> None:
    """Found by fuzzing: the standard library raises what no other damage raises."""
    data = bytearray(sheet("<worksheet><sheetData/></worksheet>"))
    data[data.rindex(b"PK\x01\x02") + 6] = 0xD7
    with pytest.raises(Refused):
        sheet_rows(bytes(data), None, LIMITS)
    with pytest.raises(Refused):
        unpack_zip(bytes(data), LIMITS)


def test_an_empty_line_for_a_header_is_none() -> None:
    """Found by fuzzing."""
    with pytest.raises(Refused) as told:
        read(b"\n\n\nx,y\n")
    assert told.value.code == "no_header"


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <</JS (app.alert(1))>>",
        b"<html><script>alert(1)</script></html>",
        b"MZ\x90\0" + bytes(500),
        b"\x7fELF" + bytes(500),
        b"\x1f\x8b" + bytes(50),
        b"Rar!\x1a\x07\0" + bytes(50),
    ],
    ids=["pdf", "html", "exe", "elf", "gzip", "rar"],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx", "xls", "ods", "json"])
def test_another_file_under_an_exports_name(kind: str, data: bytes) -> None:
    with pytest.raises(Refused) as told:
        ingest_alone(data, kind)
    assert "alert" not in str(told.value)


def ingest_alone(data: bytes, kind: str) -> None:
    found = read(data, format=kind)
    if not {"c0", "c1", "c2"} <= set(found.labels):  # as `Columns.need` refuses it
        raise Refused("missing_column", "a column is not there", "Ask")


HOSTILE_TEXTS = [
    "=cmd|'/C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "\u202eevil\u202c", "\u200b\u200d\ufeff",
    "e\u0301" * 50, "<script>alert(1)</script>", "'; drop table case; --", "{{ 7*7 }}",
    "%s%n%x", "../../etc/passwd", "\x1b[2J\x07", "\u0000".replace("\0", "NUL"), "Ω" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_no_text_of_a_cell_lands(text: str, tmp_path: Path) -> None:
    """Formulas, bidirectional marks, markup: what is outside a code list is a token or nothing, so that no output
    can hold a cell that a spreadsheet would run."""
    from counterflow.contracts import load_contract
    from tests.support import CONTRACT, KEYS

    (tmp_path / "ALB.yml").write_text(CONTRACT.format(mission="ALB", encoding="utf-8"), "utf-8")
    columns = [c for c in COLUMNS if c not in ("Consent", "Withdrawn")]
    rows = [case(n) for n in range(9)] + [case(9, **dict.fromkeys(columns, text))]
    data = archive(
        {
            "cases.csv": table(rows, COLUMNS).encode("utf-8", "surrogatepass"),
            "means.csv": table([{"No.": text, "Means": text}], ("No.", "Means")).encode(),
        }
    )
    landed = ingest(data, load_contract(tmp_path / "ALB.yml"), KEYS, NIGHT)
    values = {
        str(value)
        for t in (*landed.tables.values(), landed.rows, landed.signals, landed.profile)
        for row in t.to_pylist()
        for value in row.values()
    }
    folded = text.casefold()
    assert not any(folded in value.casefold() for value in values)
    assert not any(value.startswith(("=", "+", "@", "\t", "\r")) for value in values)


def test_a_lone_surrogate_in_a_csv_is_no_text() -> None:
    with pytest.raises(Refused) as told:
        read(b"c0,c1,c2\nA-1,\xed\xa0\x80,yes\n")
    assert told.value.code == "wrong_encoding"
