"""Every bad input of a night, over every format: a planted export is broken, and the marks stay in it.

In: a mission's form. Out: the broken export in place of the sound one, or None where the format cannot be
broken in that way. Some are broken as a file, some as a form that somebody has changed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from counterflow.synthetic.forms.base import Cell, Column, Form
from tests.planting.exports import CASES, PlantedSink, surround, word_of, write
from tests.planting.marks import ASCII, Marks

TEXT = ("csv", "zip", "fixed", "json")
ZIPPED = ("zip", "xlsx", "ods")
HUGE = 40_000  # times a mark: beyond what a cell may hold

Break = Callable[["Export"], bool]  # False: this format cannot be broken so


@dataclass(slots=True)
class Export:
    """One export to break."""

    form: Form
    path: Path
    marks: Marks
    night: date

    def mark(self, where: str) -> str:
        """A new mark of this mission."""
        return self.marks.new(ASCII, f"{self.form.mission.code}: {where}")

    def written(self, form: Form | None = None, cases: int = CASES, upon: object = None) -> bool:
        """Write the export anew, as `form` and through the sink that `upon` makes."""
        form = form or self.form
        write(form, self.path, self.marks, self.night, cases, upon=upon)
        surround(self.path, form, self.marks)
        return True

    def changed(self, change: Callable[[bytes], bytes]) -> bool:
        """Change the bytes of every text in the export; of any other format nothing."""
        data = self.path.read_bytes()
        if self.form.kind in ("csv", "fixed", "json"):
            self.path.write_bytes(change(data))
        elif self.form.kind in ZIPPED:
            self.path.write_bytes(_members(data, lambda name, held: change(held)))
        else:
            return False
        return True


def _members(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            held = change(info.filename, old.read(info))
            if held is not None:
                new.writestr(info, held, zipfile.ZIP_DEFLATED)
        new.comment = old.comment
    return target.getvalue()


def break_export(name: str, export: Export) -> bool:
    """Break one export in one way; False where its format cannot be broken so."""
    return BREAKS[name](export)


def _bytes(change: Callable[[bytes], bytes]) -> Break:
    def apply(export: Export) -> bool:
        export.path.write_bytes(change(export.path.read_bytes()))
        return True

    return apply


def _rubbish(template: str) -> Break:
    def apply(export: Export) -> bool:
        export.path.write_text(template.format(export.mark("an error page")), encoding="utf-8")
        return True

    return apply


def _columns(change: Callable[[Export, Column], Column | None]) -> Break:
    """The form with columns renamed, gone (None) or written otherwise."""

    def apply(export: Export) -> bool:
        sources = {}
        for source, columns in export.form.sources.items():
            held = [change(export, column) for column in columns]
            sources[source] = [column for column in held if column is not None]
        return export.written(replace(export.form, sources=sources))

    return apply


def _renamed(export: Export, column: Column) -> Column:
    if column.field != "case.gender":
        return column
    return replace(column, header=export.mark("a renamed column")[: max(len(column.header), 24)])


def _all_marks(field: str) -> Callable[[Export, Column], Column]:
    """Every cell of a column is a mark: a code list that changed, or another column in its place."""

    def change(export: Export, column: Column) -> Column:
        wanted = column.role == field or (column.field == field and not column.many)
        if not wanted:
            return column

        def fill(form: Form, case: object, part: object) -> Cell:
            return export.marks.new(word_of(form), f"{form.mission.code} all of {field}")

        return replace(column, fill=fill)

    return change


def _swapped(export: Export) -> bool:
    """Labels stand over other columns than their technical names say."""
    if not export.form.pre_numbered:
        return False
    columns = list(export.form.sources["case"])
    names = [column.technical for column in columns]
    moved = [replace(c, technical=n) for c, n in zip(columns, names[1:] + names[:1], strict=True)]
    return export.written(replace(export.form, sources={"case": moved}))


def _wider(export: Export) -> bool:
    """Rows with more cells than the header."""

    class Wider(PlantedSink):
        def line(self, source: str, cells: list[Cell]) -> int:
            return self.sink.line(source, [*cells, *[export.mark("a cell too many")] * 2])

    if export.form.kind not in ("csv", "zip"):
        return False
    return export.written(upon=lambda inner: Wider(_Loose(inner), inner.form, inner.marks, False))


class _Loose:
    """Hands lines on that are longer than the form knows."""

    def __init__(self, planted: PlantedSink) -> None:
        self.planted = planted

    def line(self, source: str, cells: list[Cell]) -> int:
        return self.planted.sink.line(source, cells)


def _twice(export: Export) -> bool:
    """Every line stands there twice, the second time with other marks: each number is in conflict."""

    class Twice(PlantedSink):
        def line(self, source: str, cells: list[Cell]) -> int:
            self.sink.line(source, cells)
            return self.sink.line(source, cells)

    return export.written(upon=lambda inner: Twice(inner, inner.form, inner.marks, False))


def _preamble(export: Export) -> bool:
    if export.form.kind not in ("csv", "xlsx", "xls", "ods"):
        return False
    said = " ".join(export.mark("a sentence above the header") for _ in range(4))
    return export.written(replace(export.form, preamble=said))


def _sheet(export: Export) -> bool:
    if export.form.kind not in ("xlsx", "xls", "ods"):
        return False
    return export.written(replace(export.form, sheet=export.mark("the name of the sheet")[:31]))


def _archive(change: Callable[[Export, bytes], bytes]) -> Break:
    def apply(export: Export) -> bool:
        if export.form.kind not in ZIPPED:
            return False
        export.path.write_bytes(change(export, export.path.read_bytes()))
        return True

    return apply


def _climbing(export: Export, data: bytes) -> bytes:
    target = io.BytesIO(data)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(f"../../{export.mark('a climbing path')}.csv", export.mark("its content"))
    return target.getvalue()


def _bomb(export: Export, data: bytes) -> bytes:
    target = io.BytesIO(data)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{export.mark('a bomb')}.csv", b"0" * 300_000_000, compresslevel=1)
    return target.getvalue()


def _two_of_one_name(export: Export, data: bytes) -> bytes:
    target = io.BytesIO(data)
    name = f"{export.mark('a name that is there twice')}.csv"
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, export.mark("one"))
        archive.writestr(name.replace(".csv", ".txt"), export.mark("two"))
    return target.getvalue().replace(name.replace(".csv", ".txt").encode(), name.encode())


def _fewer_members(export: Export, data: bytes) -> bytes:
    last = zipfile.ZipFile(io.BytesIO(data)).namelist()[0]
    return _members(data, lambda name, held: None if name == last else held)


def _locked(export: Export, data: bytes) -> bytes:
    """The flag of encryption on every member, in the directory and before each of them."""
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = data.find(signature)
        while at >= 0:
            data = data[: at + flags] + bytes([data[at + flags] | 1]) + data[at + flags + 1 :]
            at = data.find(signature, at + 4)
    return data


def _at(share: float, put: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Put something into the middle of a text, at the end of one of its lines."""

    def change(data: bytes) -> bytes:
        middle = data.find(b"\n", int(len(data) * share))
        middle = int(len(data) * share) if middle < 0 else middle
        return data[:middle] + put(data[:middle]) + data[middle:]

    return change


def _in_text(put: Callable[[Export], bytes]) -> Break:
    return lambda export: export.changed(_at(0.6, lambda _: put(export)))


def _unclosed(export: Export) -> bytes:
    return b'"' + export.mark("after a quotation mark that is never closed").encode()


def _nul(export: Export) -> bytes:
    return b"\0" + export.mark("after a NUL").encode()


def _huge(export: Export) -> bytes:
    return export.mark("a huge cell").encode() * HUGE


def _formula(export: Export) -> bytes:
    return f'=HYPERLINK("http://{export.mark("a formula")}.example")'.encode()


def _other_encoding(data: bytes) -> bytes:
    for encoding in ("utf-8", "utf-16"):
        try:
            return data.decode(encoding).encode("utf-16" if encoding == "utf-8" else "utf-8")
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace").encode("utf-16")


BREAKS: dict[str, Break] = {
    "nothing_at_all": _bytes(lambda data: b""),
    "truncated": _bytes(lambda data: data[: len(data) * 2 // 3]),
    "truncated_at_its_end": _bytes(lambda data: data[:-15]),
    "garbled": _bytes(lambda data: data[: len(data) // 2] + data[len(data) // 2 + 7 :]),
    "error_page": _rubbish("<html><title>{0}</title><body>{0}</body></html>"),
    "text_of_another_kind": _rubbish('{{"{0}": ["{0}", {{"{0}": null}}'),
    "empty_texts": lambda export: export.changed(lambda data: b""),
    "wrong_encoding": lambda export: export.changed(_other_encoding),
    "bytes_of_no_encoding": lambda export: export.changed(_at(0.4, lambda _: b"\x81\xff\xfe\x8d")),
    "wrong_delimiter": lambda export: (
        export.written(replace(export.form, delimiter="|" if export.form.delimiter != "|" else "!"))
        if export.form.kind in ("csv", "zip")
        else False
    ),
    "header_only": lambda export: export.written(cases=0),
    "half_the_rows": lambda export: export.written(cases=CASES // 3),
    "renamed_column": _columns(_renamed),
    "missing_column": _columns(lambda e, c: None if c.field == "case.gender" else c),
    "missing_key": _columns(lambda e, c: None if c.role == "key" else c),
    "missing_consent": _columns(lambda e, c: None if c.role == "consent" else c),
    "changed_code_list": _columns(_all_marks("case.gender")),
    "unreadable_dates": _columns(_all_marks("case.registered_on")),
    "unreadable_ages": _columns(_all_marks("case.age_band")),
    "unreadable_consent": _columns(_all_marks("consent")),
    "another_column_for_the_key": _columns(_all_marks("key")),
    "label_and_technical_name_disagree": _swapped,
    "split_once_more": _wider,
    "every_row_twice": _twice,
    "sentence_header": _preamble,
    "another_sheet": _sheet,
    "climbing_path": _archive(_climbing),
    "zip_bomb": _archive(_bomb),
    "two_members_of_one_name": _archive(_two_of_one_name),
    "missing_member": _archive(_fewer_members),
    "locked": _archive(_locked),
    "unclosed_quotation": _in_text(_unclosed),
    "nul_bytes": _in_text(_nul),
    "huge_cell": _in_text(_huge),
    "formula": _in_text(_formula),
}
