"""Finding the contract's columns in a source's header, and naming what is left over.

In: a `TextTable` and `Header`s. Out: places of columns. Label and technical name must agree where
the contract names both; a column that nobody asked for is dropped by never being taken.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from counterflow.columns import Cells, Places
from counterflow.contracts.model import Header
from counterflow.sources.errors import Refused
from counterflow.sources.tables import TextTable
from counterflow.text import fold

PARENT = "^."  # what a nested JSON record carries of the records around it


class Columns:
    """The columns of one source, found by header, each turned into `Cells` once."""

    def __init__(self, name: str, table: TextTable) -> None:
        self.name, self.table = name, table
        self.rows = table.rows
        self._labels = [fold(label) for label in table.labels]
        self._technical = [fold(t) for t in table.technical] if table.technical else None
        self._cells: dict[int, Cells] = {}
        self.taken: set[int] = set()

    def forget(self) -> None:
        """Let all cells go, once nobody will ask for them: of a large export they are most of what is held."""
        self._cells.clear()
        self.table.columns.clear()

    def find(self, header: Header) -> int | None:
        """The place of the column, or None. Raises Refused if its two names disagree."""
        if header.position is not None and header.label is None and header.technical is None:
            place = header.position - 1
            return place if place < len(self._labels) else None
        label = fold(header.label) if header.label is not None else None
        technical = fold(header.technical) if header.technical is not None else None
        by_label = {i for i, x in enumerate(self._labels) if x == label}
        if technical is None or self._technical is None:
            if label is None:  # only a technical name, but the file has none: it stands as label
                by_label = {i for i, x in enumerate(self._labels) if x == technical}
            return self._single(header, by_label)
        by_technical = {i for i, x in enumerate(self._technical) if x == technical}
        if label is None:
            return self._single(header, by_technical)
        if (by_label and not by_label & by_technical) or (technical and by_technical - by_label):
            raise Refused(
                "header_conflict",
                f"table `{self.name}`: the label `{header.label}` and the technical name "
                f"`{header.technical}` do not stand on one column",
                "Look at the template: the label tells what was typed; state both in the contract",
            )
        return self._single(header, by_label & by_technical)

    def _single(self, header: Header, places: set[int]) -> int | None:
        if len(places) > 1:
            raise Refused(
                "double_column",
                f"table `{self.name}`: {len(places)} columns are called `{header}`",
                "Name the technical name or the position too",
            )
        return next(iter(places), None)

    def source_rows(self, rows: Places) -> pa.Array:
        """The numbers that some rows have in the file, from 1."""
        places = self.table.places
        return pa.array((rows if places is None else places[rows]) + 1)

    def need(self, header: Header) -> Cells:
        """The cells of a column that must be there. Raises Refused."""
        return self.cells(self.place(header))

    def place(self, header: Header) -> int:
        """The place of a column that must be there. Raises Refused."""
        place = self.find(header)
        if place is None:
            raise Refused(
                "missing_column",
                f"table `{self.name}`: there is no column `{header}` among its "
                f"{len(self.table.labels)} columns",
                "If the mission renamed it, correct the contract; otherwise ask for the column",
            )
        return place

    def cells(self, place: int) -> Cells:
        """The cells of the column at `place`, taken as known."""
        self.taken.add(place)
        if place not in self._cells:
            self._cells[place] = Cells.of(self.table.columns[place])
        return self._cells[place]

    def mark(self, headers: Iterable[Header]) -> list[Header]:
        """Take columns as known without reading them; those that are not there are returned."""
        absent = []
        for header in headers:
            place = self.find(header)
            if place is None:
                absent.append(header)
            else:
                self.taken.add(place)
        return absent

    def unknown(self) -> list[int]:
        """Places of columns that nobody named; what a nested record repeats of its parent is known."""
        return [
            i
            for i, label in enumerate(self._labels)
            if i not in self.taken and not label.startswith(PARENT)
        ]
