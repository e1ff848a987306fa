"""From the bytes of a sample export to its tables, with how they had to be read.

In: bytes and the lexicon (to tell a header). Out: `Sample`: format, archive, encoding, delimiter and
one `SampleTable` a file, sheet or list of records. Nothing is interpreted: cells are texts.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from python_calamine import CalamineWorkbook

from counterflow.columns import Cells
from counterflow.contracts.model import Limits
from counterflow.onboarding.encoding import Guess, guess_encoding
from counterflow.onboarding.lexicon import Lexicon
from counterflow.sources.documents import RECORDS, flatten, parse_json
from counterflow.sources.errors import Refused
from counterflow.sources.headers import PARENT
from counterflow.sources.readers import cell_text
from counterflow.sources.unheard import unheard
from counterflow.sources.unpack import unpack_zip
from counterflow.sources.workbook import sheet_rows
from counterflow.text import clean, digits, fold

ENOUGH = 5  # rows that must hold a value before it is shown to anybody
_DELIMITERS = ",;\t|"
_SEARCHED = 20  # rows in which a header is looked for
_SENTENCE = 60  # a first cell longer than this is text, not a name


@dataclass(slots=True, repr=False)
class SampleTable:
    """One table of the sample. `place` is its file, sheet or path of records. No repr: cells are personal."""

    place: str
    labels: list[str]
    technical: list[str] | None
    columns: list[Cells]
    label_row: int = 1
    technical_row: int | None = None
    notes: list[str] = field(default_factory=list)
    layout: list[tuple[int, int]] | None = None  # first and last character of each column
    doubtful: frozenset[int] = frozenset()  # columns whose names might be data: told by place

    @property
    def rows(self) -> int:
        """Data rows, blank ones included."""
        return len(self.columns[0]) if self.columns else 0

    def name(self, place: int) -> str:
        """How a column is called when it is shown; by its place where its name could be data."""
        label = self.labels[place]
        if place in self.doubtful or not label:
            return f"column {place + 1}"
        return label


@dataclass(slots=True, repr=False)
class Sample:
    """A sample as it was found."""

    format: str
    archive: str | None
    encodings: list[Guess]
    delimiter: str | None
    tables: list[SampleTable]
    notes: list[str] = field(default_factory=list)


def read_sample(data: bytes, lexicon: Lexicon) -> Sample:
    """The tables of a sample. Raises Refused, which holds no cell."""
    limits = Limits()
    if not data.strip():
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
    kind = _kind(data)
    if kind in ("xlsx", "xls", "ods"):
        return Sample(kind, None, [], None, list(_sheets(data, lexicon, limits, kind)))
    if kind == "zip":
        return _archive(data, lexicon, limits)
    return _texts({"": data}, lexicon, None)


def _kind(data: bytes) -> str:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if not data.startswith(b"PK"):
        return "text"
    try:
        names = set(zipfile.ZipFile(io.BytesIO(data)).namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return "zip"
    if "[Content_Types].xml" in names:
        return "xlsx"
    return "ods" if {"mimetype", "content.xml"} <= names else "zip"


def _archive(data: bytes, lexicon: Lexicon, limits: Limits) -> Sample:
    files = {n: b for n, b in unpack_zip(data, limits).items() if b.strip()}
    if not files:
        raise Refused("empty_file", "the zip holds no file with content", "Ask the mission again")
    first = next(iter(files.values()))
    kind = _kind(first)
    if len(files) == 1 and kind in ("xlsx", "xls", "ods"):
        return Sample(kind, "zip", [], None, list(_sheets(first, lexicon, limits, kind)))
    texts = {name: content for name, content in files.items() if _kind(content) == "text"}
    if not texts:
        raise Refused("doubtful_file", "the zip holds several workbooks", "Onboard one of them")
    return _texts(texts, lexicon, "zip")


def _texts(files: Mapping[str, bytes], lexicon: Lexicon, archive: str | None) -> Sample:
    encodings = _common_encoding(list(files.values()))
    texts = {name: _decoded(content, encodings) for name, content in files.items()}
    first = next(iter(texts.values()))
    if first.lstrip()[:1] in ("{", "["):
        tables = list(_records(parse_json(first), lexicon))
        return Sample("json", archive, encodings, None, tables)
    layouts = {name: _layout(text) for name, text in texts.items()}
    if all(layouts.values()):
        return Sample("fixed", archive, encodings, None, list(_fixed(texts, layouts, lexicon)))
    delimiter = _delimiter(list(texts.values()))
    if delimiter is None:
        raise Refused(
            "wrong_delimiter",
            "no delimiter (comma, semicolon, tab, bar) parts the lines into equal columns",
            "Ask the mission for the delimiter, or for the widths of the columns",
        )
    tables = [
        _laid_out(name.rpartition("/")[2], _csv_rows(text, delimiter), lexicon)
        for name, text in sorted(texts.items())
    ]
    return Sample("csv", archive, encodings, delimiter, tables)


def _common_encoding(contents: Sequence[bytes]) -> list[Guess]:
    """One encoding for all files of an export: the one that is likeliest over all of them."""
    if len(contents) == 1:
        return guess_encoding(contents[0])
    telling = [c for c in contents if not c.isascii()] or [contents[0]]
    marked = guess_encoding(telling[0])
    if marked[0].confidence >= 0.95 and marked[0].encoding.startswith("utf"):
        return marked
    return guess_encoding(b"\n".join(telling))


def _decoded(content: bytes, encodings: Sequence[Guess]) -> str:
    for guess in (*encodings, *guess_encoding(content)):
        try:
            codec = "utf-8-sig" if guess.encoding == "utf-8" else guess.encoding
            return content.decode(codec).removeprefix("\ufeff")
        except UnicodeError:
            continue
    return content.decode("latin-1")


def _layout(text: str) -> list[tuple[int, int]] | None:
    """First and last character of each column, if all lines are as long and names stand far apart."""
    lines = text.splitlines()
    width = max((len(line) for line in lines), default=0)
    even = sum(1 for line in lines if len(line) == width)
    starts = (
        [m.start() for m in re.finditer(r"(?:(?<=  )|(?<![^\n]))\S", lines[0])] if lines else []
    )
    if len(lines) < ENOUGH or even < 0.95 * len(lines) or len(starts) < 3 or width < 20:
        return None
    ends = [*starts[1:], width]
    return [(first + 1, last) for first, last in zip(starts, ends, strict=True)]


def _fixed(
    texts: Mapping[str, str],
    layouts: Mapping[str, list[tuple[int, int]] | None],
    lexicon: Lexicon,
) -> Iterator[SampleTable]:
    """Lines of fixed width, cut where the names of the columns begin."""
    for name, text in sorted(texts.items()):
        layout = layouts[name] or []
        rows = [[line[a - 1 : b].strip() for a, b in layout] for line in text.splitlines()]
        table = _laid_out(name.rpartition("/")[2], rows, lexicon)
        table.layout = layout
        yield table


def _delimiter(texts: Sequence[str]) -> str | None:
    """The character that parts the lines into the most columns, the same number on nearly all."""
    best, most = None, 0.0
    for delimiter in _DELIMITERS:
        score = 0.0
        for text in texts:
            widths = Counter(len(row) for row in _csv_rows(text, delimiter, 300) if any(row))
            width, count = max(widths.items(), key=lambda w: (w[1] * (w[0] > 1), w[0]))
            share = count / max(sum(widths.values()), 1)
            score += (width - 1) * share**3
        if score > most:
            best, most = delimiter, score
    return best


def _csv_rows(text: str, delimiter: str, most: int | None = None) -> list[list[str]]:
    rows: list[list[str]] = []
    csv.field_size_limit(1_000_000)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if most is not None and len(rows) >= most:
                break
    except csv.Error:
        pass  # what was read before an unclosed quotation mark is enough to know the columns
    return rows


def _sheets(data: bytes, lexicon: Lexicon, limits: Limits, kind: str) -> Iterator[SampleTable]:
    """Every sheet with a header and at least two columns."""
    names = _sheet_names(data)
    for name in names:
        rows = [[cell_text(c) for c in row] for row in sheet_rows(data, name, limits, kind)]
        if sum(1 for row in rows if sum(1 for c in row if c.strip()) > 1) > 1:
            yield _laid_out(name, rows, lexicon)


def _sheet_names(data: bytes) -> list[str]:
    try:
        with unheard():
            return list(CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic of the reader is no Exception; its text may quote a cell
        raise Refused(
            "bad_workbook", "the workbook cannot be opened", "Ask the mission to save it again"
        ) from None


# --- header --------------------------------------------------------------------------------------


def _laid_out(place: str, rows: list[list[str]], lexicon: Lexicon) -> SampleTable:
    """Rows as a table: where its names are, and its columns."""
    header, technical = find_header(rows, lexicon)
    labels = [clean(x) for x in rows[header]] if rows else []
    while labels and not labels[-1] and _empty_column(rows, len(labels) - 1):
        labels.pop()
    width = len(labels)
    body = rows[max(header, technical if technical is not None else 0) + 1 :]
    columns = [
        Cells.of(pa.array([row[i] if i < len(row) else "" for row in body], pa.string()))
        for i in range(width)
    ]
    names = None
    if technical is not None:
        padded = [clean(x) for x in rows[technical]] + [""] * width
        names = padded[:width]
    table = SampleTable(place, labels, names, columns, header + 1)
    table.technical_row = None if technical is None else technical + 1
    above = header - (1 if technical is not None and technical < header else 0)
    if above > 0:
        table.notes.append(f"{above} rows above the header")
    table.doubtful = _doubtful(table, lexicon)
    if table.doubtful:
        table.notes.append(f"{len(table.doubtful)} names may be data: told by place")
    return table


def _empty_column(rows: list[list[str]], place: int) -> bool:
    return not any(len(row) > place and row[place].strip() for row in rows)


def find_header(rows: Sequence[Sequence[str]], lexicon: Lexicon) -> tuple[int, int | None]:
    """Index of the row of labels and of the row of technical names, if there is one.

    Known names weigh most; then what a header is: filled, different cells, none a date or number.
    """
    head = rows[:_SEARCHED]
    scores = [_header_score(row, rows, lexicon) for row in head]
    best = max(range(len(head)), key=lambda i: (scores[i], -i), default=0)
    for other, label in ((best - 1, best), (best, best + 1), (best + 1, best)):
        if not (0 <= other < len(head) and 0 <= label < len(head)) or other == label:
            continue
        apart = _is_technical(head[other]) and not _is_technical(head[label])
        likely = scores[label] >= 0.5 * scores[best] and _same_width(head[other], head[label])
        if apart and likely:
            return label, other
    return best, None


def _same_width(first: Sequence[str], second: Sequence[str]) -> bool:
    filled = [sum(1 for c in row if c.strip()) for row in (first, second)]
    return min(filled) >= 0.6 * max(filled)


def _header_score(row: Sequence[str], rows: Sequence[Sequence[str]], lexicon: Lexicon) -> float:
    cells = [clean(c) for c in row]
    filled = [c for c in cells if c]
    if len(filled) < 2:
        return -1.0
    width = max((len(r) for r in rows[:200]), default=1)
    known = sum(1 for c in filled if lexicon.knows(c))
    data = sum(1 for c in filled if is_data(c))
    long = sum(1 for c in filled[1:] if len(c) > _SENTENCE)
    repeated = len(filled) - len({fold(c) for c in filled})
    shape = len(filled) - 2 * data - 2 * long - 2 * repeated
    return (3 * known + shape) / max(width, 1)


_DATA = re.compile(r"[-+(]?[\d][\d .,:/\-()+T]*[%Z]?")


def is_data(text: str) -> bool:
    """Whether a text looks like a value (number, date, phone, e-mail) and not like a name of a column."""
    return bool(_DATA.fullmatch(digits(text))) or "@" in text


def _is_technical(row: Sequence[str]) -> bool:
    """Whether a row holds names for programs: identifiers, some with an underline or camel case."""
    filled = [c.strip() for c in row if c.strip()]
    names = [c for c in filled if re.fullmatch(r"[A-Za-z]\w*", c)]
    marked = [c for c in names if "_" in c or re.search(r"[a-z][A-Z]", c)]
    return len(filled) > 1 and len(names) >= 0.9 * len(filled) and len(marked) >= 0.5 * len(filled)


def _doubtful(table: SampleTable, lexicon: Lexicon) -> frozenset[int]:
    """Columns whose name may be somebody's data: it looks like a value, or stands among the values."""
    found = set()
    for place, label in enumerate(table.labels):
        if not label or lexicon.knows(label):
            continue
        if (
            is_data(label)
            or len(label) > _SENTENCE
            or fold(label) in {fold(v) for v in table.columns[place].values}
        ):
            found.add(place)
    # a file without a header: most of its first row are values
    named = [i for i, label in enumerate(table.labels) if label]
    if named and len(found) > 0.4 * len(named):
        return frozenset(i for i in named if not lexicon.knows(table.labels[i]))
    return frozenset(found)


# --- records -------------------------------------------------------------------------------------


def _records(document: Any, lexicon: Lexicon) -> Iterator[SampleTable]:
    """Every list of records of a document, the outermost first."""
    for path in _paths(document, ""):
        records = flatten(document, path)
        held = Counter(name for record in records for name in record)
        names = [n for n in held if not n.startswith(PARENT)]
        names = [n for n in names if not all(r.get(n, RECORDS) == RECORDS for r in records)]
        columns = [Cells.of(pa.array([r.get(n, "") for r in records], pa.string())) for n in names]
        if not names:
            continue
        table = SampleTable(path, names, None, columns)
        # a key that few records hold may be data itself (a record filed under a person's number)
        rare = {i for i, n in enumerate(names) if held[n] < ENOUGH and not lexicon.knows(n)}
        table.doubtful = frozenset(rare) | _doubtful(table, lexicon)
        yield table


def _paths(value: Any, path: str) -> Iterator[str]:
    """Dotted paths of the lists of records in a document."""
    if isinstance(value, list):
        entries = [entry for entry in value if isinstance(entry, dict)]
        if entries and len(entries) == len(value):
            yield path
            keys = dict.fromkeys(key for entry in entries for key in entry)
            for key in keys:
                inner = [entry[key] for entry in entries if isinstance(entry.get(key), list)]
                whole = [one for listed in inner for one in listed]
                yield from _paths(whole, f"{path}.{key}" if path else str(key))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, list | dict):
                yield from _paths(inner, f"{path}.{key}" if path else str(key))
