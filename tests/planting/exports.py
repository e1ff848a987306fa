"""The exports of the synthetic missions with marks in everything that a mission can write.

In: missions, a folder, marks. Out: one export a mission, in its own format, encoding and script. Planted are
every personal and ignored column, every case number, unmapped codes, unreadable dates and numbers, answers
to the question of consent, columns that no contract knows (their names too), and what is around the cells:
names and comments of archives and their members, properties, notes, names and hidden sheets of workbooks,
unknown keys of JSON.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from counterflow.synthetic import forms
from counterflow.synthetic.deliver import Job
from counterflow.synthetic.deliver import cases as cases_of
from counterflow.synthetic.export import Sink, WorkbookSink, open_sink
from counterflow.synthetic.forms.base import Cell, Column, Form, Mission, layout
from counterflow.synthetic.missions import MISSIONS
from counterflow.synthetic.workbooks import Xls, Xlsx
from tests.planting.marks import ASCII, BORN, FULL_WIDTH, NUMBER, Marks, local_word

CASES = 32  # a mission; enough that what is planted does not get the export refused
SEED = 7
# The lines of each source on which codes, dates and numbers, the consent, … are marks.
CODES, OTHERS, CONSENT, LISTS, BIRTHDAY, NUMBERS, MARKED = 1, 2, 3, 4, 5, 6, 8
NESTED = 3  # cases of a JSON with keys that nobody knows

_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_INLINE = re.compile(
    r'(<c r="[A-Z]+[0-9]+"[^>]*?) t="inlineStr"><is>(<t.*?</t>)</is></c>', re.DOTALL
)


@dataclass(slots=True)
class Planted:
    """One export as it was made."""

    mission: str
    form: Form
    path: Path


@dataclass(slots=True)
class PlantedSink:
    """Takes the lines of an export and writes marks into them."""

    sink: Sink
    form: Form
    marks: Marks
    ascii_only: bool
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, source: str, cells: list[Cell]) -> int:
        """Write one line."""
        number = self.lines[source] = self.lines.get(source, 0) + 1
        columns = self.form.sources[source]
        widths = [w for _, w in layout(self.form)] if self.form.kind == "fixed" else None
        marked = [
            self._cell(source, number, place, column, cell, widths)
            for place, (column, cell) in enumerate(zip(columns, cells, strict=True))
        ]
        return self.sink.line(source, marked)

    def _cell(
        self,
        source: str,
        number: int,
        place: int,
        column: Column,
        cell: Cell,
        widths: list[int] | None,
    ) -> Cell:
        where = f"{self.form.mission.code} {source}.{column.header} line {number}"
        if column.role in ("personal", "ignored"):
            if number > MARKED or (self.form.pre_numbered and place == 0):  # a printed number
                return cell
            return self.marks.new(self._word(place), where)
        if column.role == "consent":
            return self.marks.new(self._word(place), where) if number == CONSENT else cell
        if column.role == "merged":
            return self.marks.new(self._word(place), where) if number == OTHERS else cell
        if column.role != "field":
            return cell
        born = column.field == "case.age_band" and self.form.age_kind == "birth"
        if born and number == BIRTHDAY:
            self.marks.note(BORN.isoformat(), where)
            return BORN if self.form.real_dates else self.form.write_day(BORN)
        if number == (CODES if column.codes else OTHERS):
            mark = self.marks.new(self._word(place), where)
            return [mark] if isinstance(cell, list) else mark
        if number == NUMBERS and not column.codes:  # a telephone, where a number should be
            return self.marks.new(NUMBER, where)
        if number == LISTS and column.many and not self.form.one_choice:
            mark = self.marks.new(self._word(place), where)
            if isinstance(cell, list):
                return [*cell, mark]
            said = f"{cell}{self.form.joiner}{mark}" if cell else mark
            return said if widths is None or len(said) <= widths[place] else mark
        return cell

    def _word(self, place: int) -> str:
        """Words take turns: plain, the mission's script, digits (in its own), full width."""
        own = word_of(self.form)
        turn = place % 4
        if turn == 1:
            return own
        if turn == 2:
            return NUMBER
        if turn == 3 and self.form.mission.encoding.startswith("utf") and not self.ascii_only:
            return FULL_WIDTH
        return ASCII


def word_of(form: Form) -> str:
    """The word of the mission's own script."""
    if form.accents_lost:
        return ASCII
    return local_word(form.language, form.mission.encoding)


def plant(
    folder: Path,
    marks: Marks,
    night: date,
    missions: Iterable[Mission] = MISSIONS,
    cases: int = CASES,
    seed: int = SEED,
) -> list[Planted]:
    """Write the planted exports of one night below `folder`; what was written, mission by mission."""
    made = []
    for mission in missions:
        form = planted_form(forms.build(mission), marks)
        path = folder / mission.code / night.strftime(form.path)
        write(form, path, marks, night, cases, seed)
        surround(path, form, marks)
        _beside(folder / mission.code, marks, mission.code)
        made.append(Planted(mission.code, form, path))
    return made


def planted_form(form: Form, marks: Marks) -> Form:
    """The form with marks for case numbers, a column more in each source, and one above its header."""
    code = form.mission.code
    sources = dict(form.sources)
    if form.kind != "fixed":  # its columns are known by their places
        for source, columns in form.sources.items():
            word = ASCII if len(source) % 2 else word_of(form)
            header = marks.new(word, f"{code} {source}: header of an unknown column")
            technical = ""
            if form.pre_numbered:
                technical = marks.new(ASCII, f"{code} {source}: its technical name")
            extra = Column(header, lambda *_: "", role="personal", technical=technical)
            sources[source] = [*columns, extra]
    word = word_of(form) if code < "M" else ASCII
    return replace(form, sources=sources, number_style=f"{word} {code}/{{index:04d}}")


def write(
    form: Form,
    path: Path,
    marks: Marks,
    night: date,
    cases: int = CASES,
    seed: int = SEED,
    upon: Any = None,
) -> None:
    """Write the export of a form; `upon` takes a sink and may stand before it."""
    job = Job(path.parent, form.mission, cases, seed, 1, night)
    inner = open_sink(form, path)
    if isinstance(inner, WorkbookSink):
        _furnish(inner, form, marks)
    planted = PlantedSink(inner, form, marks, form.accents_lost)
    sink = upon(planted) if upon else planted
    for case in cases_of(job, form, 1):
        marks.note(case.number, f"{form.mission.code} case number {case.index}")
        for source, cells, _ in form.lines(case):
            sink.line(source, cells)
    inner.close()


def _beside(folder: Path, marks: Marks, code: str) -> None:
    """A file that nobody asked for lies beside the export."""
    name = marks.new(ASCII, f"{code}: name of a file beside the export")
    (folder / f"{name}.txt").write_text(marks.new(ASCII, f"{code}: in a file beside the export"))


def _furnish(sink: WorkbookSink, form: Form, marks: Marks) -> None:
    """Properties, a hidden sheet, a name and a note in the workbook."""
    code = form.mission.code

    def mark(where: str) -> str:
        return marks.new(ASCII, f"{code}: {where} of the workbook")

    book = sink.book
    if isinstance(book, Xlsx):
        book.book.set_properties(
            {name: mark(name) for name in ("title", "author", "manager", "company", "comments",
                                           "keywords", "subject", "category", "status")}
        )  # fmt: skip
        book.book.set_custom_property(mark("name of a property"), mark("property"))
        book.book.define_name(mark("defined name"), f"='{form.sheet}'!$A$1")
        book.page.set_header(f"&L{mark('header of a page')}")
        hidden = book.book.add_worksheet(mark("name of a hidden sheet"))
        hidden.write_string(0, 0, mark("cell of a hidden sheet"))
        hidden.hide()
    elif isinstance(book, Xls):
        book.book.owner = mark("owner")
        book.page.header_str = mark("header of a page").encode()
        hidden = book.book.add_sheet(mark("hidden sheet"))
        hidden.write(0, 0, mark("cell of a hidden sheet"))
        hidden.visibility = 1


def surround(path: Path, form: Form, marks: Marks) -> None:
    """Marks around the cells of a finished export: in its archive, or at the head of its JSON."""
    code = form.mission.code

    def mark(where: str) -> str:
        return marks.new(ASCII, f"{code}: {where}")

    if form.kind == "json":
        whole = json.loads(path.read_bytes())
        whole = {mark("first key of JSON"): mark("first value of JSON")} | whole
        whole["legal"] = mark("a value at the head of JSON")
        for case in whole["cases"][:NESTED]:
            case[mark("unknown key")] = {mark("key within it"): [mark("value within it")]}
        path.write_text(json.dumps(whole, ensure_ascii=form.mission.code < "M"), encoding="utf-8")
    elif form.kind in ("zip", "xlsx", "ods"):
        path.write_bytes(_rewrapped(path.read_bytes(), form, mark))


def _rewrapped(data: bytes, form: Form, mark: Any) -> bytes:
    target = io.BytesIO()
    shared: list[str] = []
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for number, info in enumerate(old.infolist()):
            content = old.read(info)
            if info.filename == "content.xml":
                content = _hidden_table(content, mark)
            if info.filename.startswith("xl/worksheets/sheet") and form.mission.code < "M":
                content = _with_shared_strings(content, shared)
            info.comment = mark(f"comment of member {number}").encode()
            new.writestr(info, content, zipfile.ZIP_DEFLATED)
        extra = {"zip": "{}.txt", "xlsx": "customXml/{}.xml", "ods": "Configurations2/{}.xml"}
        name = extra[form.kind].format(mark("name of a member"))
        new.writestr(name, f"<note>{mark('content of a member')}</note>")
        if form.kind == "zip":
            new.writestr(f"{mark('folder of a member')}/notes.txt", mark("in a member of a folder"))
        if form.kind == "xlsx":
            new.writestr("xl/comments9.xml", f"<comment>{mark('note on a cell')}</comment>")
            shared.append(f"<t>{mark('shared string that no cell uses')}</t>")
            strings = "".join(f"<si>{text}</si>" for text in shared)
            new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_SHEETS}">{strings}</sst>')
        if form.kind == "ods":
            new.writestr("meta.xml", f"<meta><creator>{mark('creator')}</creator></meta>")
        new.comment = mark("comment of the archive").encode()
    return target.getvalue()


def _with_shared_strings(content: bytes, shared: list[str]) -> bytes:
    """The sheet with its texts in the table of shared strings, as Excel itself writes them."""

    def share(match: re.Match[str]) -> str:
        shared.append(match[2])
        return f'{match[1]} t="s"><v>{len(shared) - 1}</v></c>'

    return _INLINE.sub(share, content.decode()).encode()


def _hidden_table(content: bytes, mark: Any) -> bytes:
    table = (
        f'<table:table table:name="{mark("name of a sheet")}" table:visibility="collapse"><table:table-row>'
        f'<table:table-cell office:value-type="string"><text:p>{mark("cell of a hidden sheet")}</text:p>'
        "</table:table-cell></table:table-row></table:table></office:spreadsheet>"
    )
    return re.sub(rb"</office:spreadsheet>", table.encode(), content)
