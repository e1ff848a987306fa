"""Text in columns of fixed width: places come from the contract's layout, or from a ruler in the file.

In: the bytes, the contract's table and source. Out: a `TextTable`. Places are characters, counted
from 1. A line that is longer than its columns is refused; a shorter one too, unless the contract
says that lines end after their last filled cell.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from counterflow.contracts.model import Source, Table
from counterflow.sources.decode import decode
from counterflow.sources.errors import Refused
from counterflow.sources.extent import check_cells
from counterflow.sources.tables import (
    HEADER_SEARCH,
    Names,
    TextTable,
    check_columns,
    preamble,
    too_many_rows,
)
from counterflow.text import clean, fold

_RULER = re.compile(r"\s*(?:[-=_]+\s+)*[-=_]+\s*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_DOS_END = "\x1a"  # the mark that old systems write behind the last line
Span = tuple[int, int]


def read_fixed(data: bytes, table: Table, source: Source, names: Names) -> TextTable:
    """The table. Raises Refused."""
    lines = _lines(decode(data, source.encoding), source)
    head = lines[:HEADER_SEARCH]
    if source.header.ruler is not None:
        spans, labels, start, shift = _by_ruler(head, source)
    else:
        spans, labels = list(table.layout.values()), list(table.layout)
        start, shift = _by_layout(head, spans, labels, source, names)
    if len(labels) > source.limits.columns:
        raise Refused(
            "too_many_columns",
            f"the ruler marks {len(labels)} columns, the contract allows {source.limits.columns}",
            "Ask the mission what changed, or raise `source.limits.columns`",
        )
    body = pa.array(lines[start:], pa.string())
    check_cells(len(body), len(spans), sum(map(len, lines)))
    _check_lines(body, max(last for _, last in spans), start, source)
    columns = [_slice(body, span) for span in spans]
    for gap in _gaps(spans):
        between = _slice(body, gap)
        if pc.any(pc.not_equal(between, "")).as_py():
            if source.header.ruler is not None:
                raise _beside_the_ruler(start + pc.index(pc.not_equal(between, ""), True).as_py())
            labels, columns = [*labels, ""], [*columns, between]  # a column that nobody named
    check_columns(columns, source.limits)
    labels, notes = names.repair(labels)
    return TextTable(labels, None, columns, preamble(shift) + notes)


def _lines(text: str, source: Source) -> list[str]:
    if text.count("\n") + text.count("\r") > 2 * (source.limits.rows + HEADER_SEARCH):
        raise too_many_rows(source.limits)
    lines = _LINE_END.split(text.rstrip(_DOS_END))
    return lines[:-1] if not lines[-1] else lines


def _by_ruler(head: list[str], source: Source) -> tuple[list[Span], list[str], int, int]:
    """Places and names of the columns, where the rows begin, and how far down the header stands."""
    at = next((i for i, line in enumerate(head) if _RULER.fullmatch(line)), None)
    shift = 0 if at is None else at - ((source.header.ruler or 1) - 1)
    label_at = source.header.label - 1 + shift
    if at is None or not 0 <= label_at < len(head):
        raise Refused(
            "no_header",
            "there is no ruler of strokes with names beside it among the first lines",
            "Ask the mission to export as before, or correct `source.header`",
        )
    spans = [(m.start() + 1, m.end()) for m in re.finditer(r"[-=_]+", head[at])]
    labels = [clean(head[label_at][first - 1 : last]) for first, last in spans]
    return spans, labels, max(at, label_at) + 1, shift


def _by_layout(
    head: list[str], spans: list[Span], labels: list[str], source: Source, names: Names
) -> tuple[int, int]:
    """Where the rows begin and how far down the header stands, which must agree with the layout."""
    if not source.header.label:
        return 0, 0
    rows = [[clean(line[first - 1 : last]) for first, last in spans] for line in head]
    at = Names(labels, names.accents).header_row(rows, source.header.label - 1)
    if at >= len(rows):
        raise Refused(
            "no_header", "the file ends before its header", "Ask the mission to export again"
        )
    for label, found in zip(labels, rows[at], strict=True):
        # a name that is longer than its column stands there cut
        if not fold(label).startswith(fold(names.whole(found))):
            raise Refused(
                "header_conflict",
                f"the header does not say `{label}` where the layout has it",
                "The columns moved: ask the mission what changed, and correct `layout`",
            )
    return at + 1, at - (source.header.label - 1)


def _check_lines(body: pa.Array, width: int, start: int, source: Source) -> None:
    """Refuse lines whose places cannot be trusted, by their numbers."""
    if pc.any(pc.match_substring(body, "\t")).as_py():
        line = start + pc.index(pc.match_substring(body, "\t"), True).as_py() + 1
        raise _ragged(f"line {line} holds a tab, so places cannot be counted")
    filled = pc.utf8_length(pc.utf8_rtrim_whitespace(body))
    long = pc.greater(filled, width)
    short = pc.and_(pc.less(pc.utf8_length(body), width), pc.greater(filled, 0))
    longer = pc.sum(long).as_py() or 0
    shorter = 0 if source.trimmed else pc.sum(short).as_py() or 0
    if longer or shorter:
        wrong = long if source.trimmed else pc.or_(long, short)
        line = start + pc.index(wrong, True).as_py() + 1
        problem = f"{longer} lines are longer than their columns and {shorter} shorter"
        raise _ragged(f"{problem}, the first is line {line}")


def _beside_the_ruler(at: int) -> Refused:
    return _ragged(f"line {at + 1} has text between the columns of the ruler")


def _ragged(problem: str) -> Refused:
    return Refused(
        "ragged_rows",
        problem,
        "Ask for the file as it was exported, unopened; if its columns moved, correct `layout`, and "
        "if its lines end after their last filled cell, say `source.trimmed: true`",
    )


def _slice(body: pa.Array, span: Span) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(body, span[0] - 1, span[1]))


def _gaps(spans: list[Span]) -> list[Span]:
    """The places between the columns, which ought to be blank."""
    gaps, end = [], 0
    for first, last in sorted(spans):
        if first > end + 1:
            gaps.append((end + 1, first - 1))
        end = max(end, last)
    return gaps
