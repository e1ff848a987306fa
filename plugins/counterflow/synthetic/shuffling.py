"""An export in another order: lines of a form's sources in, the same lines shuffled out.

Nothing in an export means anything by its place but this: of a repeated case row the first counts,
and a nested list belongs to its case. What becomes of a row is told when its place is known.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from counterflow.synthetic.export import Sink
from counterflow.synthetic.forms.base import Cell, Form
from counterflow.synthetic.people import stream
from counterflow.synthetic.truth import Truth

Line = tuple[str, int, list[Cell] | None]  # source, number as it came, cells (None: blank)


def shuffled_form(form: Form, seed: int) -> Form:
    """The form with its columns in another order, where their order means nothing."""
    if form.kind == "fixed":
        return form  # its columns are known by their places
    sources = {}
    for source, columns in form.sources.items():
        fixed = 1 if form.pre_numbered and source == "case" else 0  # the printed row number
        moved = list(columns[fixed:])
        stream(seed, form.mission.code, source).shuffle(moved)
        sources[source] = [*columns[:fixed], *moved]
    return replace(form, sources=sources)


class Shuffled:
    """A sink that holds all lines, and writes them in another order when it is closed."""

    def __init__(self, sink: Sink, form: Form, rng: random.Random) -> None:
        self.sink, self.rng, self.nested = sink, rng, form.kind == "json"
        self.counts = dict.fromkeys(form.sources, 0)
        self.lines: list[Line] = []
        self.places: dict[tuple[str, int], int] = {}
        self.pairs: list[tuple[int, int]] = []
        self.pending: list[tuple[Any, ...]] = []
        self.truth: Truth | None = None

    def before(self, truth: Truth) -> Truth:
        """The truth as it is told while places are not known."""
        self.truth = truth
        return Pending(truth, self.pending)

    def keep(self, first: int, second: int) -> None:
        """Of these two case rows the first must come first."""
        self.pairs.append((first, second))

    def line(self, source: str, cells: list[Cell]) -> int:
        """Take one line; its number among those that came."""
        return self._take(source, cells)

    def blank(self, source: str) -> int | None:
        """Take an empty row, if the format has such a thing."""
        return None if self.nested else self._take(source, None)

    def close(self) -> list[int]:
        """Write everything. The template's blank rows come after all that was taken."""
        order = self._nested_order() if self.nested else self._order()
        for source, number, cells in order:
            place = self.sink.blank(source) if cells is None else self.sink.line(source, cells)
            self.places[source, number] = place or 0
        blanks = self.sink.close()
        self.places |= {("case", place): place for place in blanks}
        return blanks

    def tell(self) -> None:
        """Tell the truth what became of each row, by its place."""
        assert self.truth is not None
        for source, number, *fate in self.pending:
            self.truth.fate(source, self.places[source, number], *fate)

    def _take(self, source: str, cells: list[Cell] | None) -> int:
        self.counts[source] += 1
        self.lines.append((source, self.counts[source], cells))
        return self.counts[source]

    def _order(self) -> list[Line]:
        """All lines shuffled, but for the order within pairs: their rows change places."""
        lines = list(self.lines)
        self.rng.shuffle(lines)
        at = {number: i for i, (source, number, _) in enumerate(lines) if source == "case"}
        for first, second in self.pairs:
            if at[first] > at[second]:
                lines[at[first]], lines[at[second]] = lines[at[second]], lines[at[first]]
        for source in self.counts:
            held = [i for i, line in enumerate(lines) if line[0] == source]
            filled = [i for i in held if lines[i][2] is not None]
            if filled and held[-1] != filled[-1]:  # an empty row at the end would be none
                last, end = filled[-1], held[-1]
                lines[last], lines[end] = lines[end], lines[last]
        return lines

    def _nested_order(self) -> list[Line]:
        """Cases shuffled, and the parts of each within it."""
        groups: list[list[Line]] = []
        for line in self.lines:
            if line[0] == "case":
                groups.append([])
            groups[-1].append(line)
        self.rng.shuffle(groups)
        for group in groups:
            parts = group[1:]
            self.rng.shuffle(parts)
            group[1:] = parts
        return [line for group in groups for line in group]


class Pending(Truth):
    """A truth whose fates wait until the places of rows are known."""

    def __init__(self, truth: Truth, pending: list[tuple[Any, ...]]) -> None:
        self.whole, self.pending = truth, pending

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        """One row that core must hold."""
        self.whole.add(table, row)

    def fate(
        self, source: str, row: int, number: str, outcome: str, rule: str = "", reason: str = ""
    ) -> None:
        """What must become of one source row, by its number among those that came."""
        self.pending.append((source, row, number, outcome, rule, reason))
