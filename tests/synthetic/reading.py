"""A second, simple reader of synthetic exports: what a file literally holds, cell by cell.

It learns from FORM.txt and from nothing of the generator's code, so that counts and values in
the truth are compared with the bytes that were written.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

Rows = list[dict[str, Any]]


def note(folder: Path) -> dict[str, str]:
    """The head of a mission's FORM.txt."""
    text = (folder / "FORM.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w[\w ]*):\s+(.*)$", text.split("==")[0], flags=re.M))


def export(folder: Path, stamp: str) -> Path:
    """The export whose name holds `stamp` (a night in any of the habits)."""
    year, month, day = stamp.split("-")
    habits = {stamp, day + month + year, year + month + day, stamp.replace("-", "_"), f"{day}-{month}-{year}",
              stamp.replace("-", "")[2:]}  # fmt: skip
    (found,) = [
        path
        for path in folder.rglob("*.*")
        if path.is_file() and any(habit in path.name for habit in habits)
    ]
    return found


def sources(folder: Path, stamp: str) -> dict[str, Rows]:
    """The data rows of every source, in order, blank ones included."""
    path, head = export(folder, stamp), note(folder)
    above = "first line is a sentence" in (folder / "FORM.txt").read_text(encoding="utf-8")
    if path.suffix in (".xlsx", ".xls", ".ods"):
        return {"case": _workbook(path, above)}
    if path.suffix == ".TXT":
        return {"case": _fixed(path.read_bytes().decode(head["encoding"]), folder)}
    if path.suffix == ".json":
        return _dump(path, folder)
    delimiter = re.search(r"delimiter '(.+)'", head["format"])
    assert delimiter
    sign = delimiter[1].replace("\\t", "\t")
    if path.suffix == ".csv":
        data = path.read_bytes()
        if above:
            data = data.partition(b"\n")[2]
        return {"case": _csv(data, head["encoding"].partition(",")[0], sign)}
    text = (folder / "FORM.txt").read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as archive:
        return {
            source: _csv(archive.read(name), head["encoding"], sign)
            for name, source in re.findall(r"== file (\S+)  \(holds: (\w+)\)", text)
        }


def key(folder: Path) -> str:
    """The header of the case number."""
    found: list[str] = re.findall(
        r"^key:.*column '(.+)'$", (folder / "FORM.txt").read_text("utf-8"), re.M
    )
    return found[0]


def _csv(data: bytes, encoding: str, delimiter: str) -> Rows:
    text = io.StringIO(data.decode(encoding), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


def _fixed(text: str, folder: Path) -> Rows:
    note_text = (folder / "FORM.txt").read_text(encoding="utf-8")
    places = re.findall(r"^  '(.*?)': .*characters (\d+)-(\d+)$", note_text, flags=re.M)
    return [
        {name: line[int(first) - 1 : int(last)].rstrip() for name, first, last in places}
        for line in text.split("\r\n")[1:-1]
    ]


def _workbook(path: Path, above: bool) -> Rows:
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    rows = sheet.to_python(skip_empty_area=False)[1 if above else 0 :]
    official = "Case Owner" in rows[1]
    header = [str(cell) for cell in rows[1 if official else 0]]
    found = [dict(zip(header, row, strict=True)) for row in rows[2 if official else 1 :]]
    return [{k: v for k, v in row.items() if k} for row in found]


def _dump(path: Path, folder: Path) -> dict[str, Rows]:
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    text = (folder / "FORM.txt").read_text(encoding="utf-8")
    found: dict[str, Rows] = {"case": cases}
    for name, source in re.findall(r"== list cases\[\]\.(\w+)  \(holds: (\w+)\)", text):
        found[source] = [row for case in cases for row in case[name]]
    return found
