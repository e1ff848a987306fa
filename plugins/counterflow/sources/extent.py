"""How much a table claims to be, judged before anything lays it out.

In: what a file says of its tables. Out: nothing, or `Refused`: a few bytes can claim gigabytes,
because a reader lays the whole rectangle out and copies a repeated text into every cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused

MOST_CELLS = 20_000_000
_HEADER_ROWS = 100  # allowed above what the contract says of rows


@dataclass(slots=True)
class Extent:
    """A table: rows and columns up to its farthest cell, and bytes of text repeated in its cells."""

    rows: int = 0
    columns: int = 0
    text: int = 0


def check(extents: Iterable[Extent], limits: Limits) -> None:
    """Refuse tables that together are too many cells, or hold too much text. Raises Refused."""
    cells = text = 0
    for extent in extents:
        cells += extent.rows * extent.columns
        text += extent.text
        if extent.rows > limits.rows + _HEADER_ROWS or cells > MOST_CELLS or text > limits.unpacked:
            raise too_many_cells()


def check_cells(rows: int, columns: int, size: int) -> None:
    """Refuse rows that are laid out far beyond the bytes they were read from. Raises Refused."""
    if rows * columns > max(MOST_CELLS, size):
        raise too_many_cells()


def too_many_cells() -> Refused:
    """The refusal of a table that cannot be laid out."""
    return Refused(
        "too_many_cells",
        "the table claims more cells than can be laid out; one far outside is enough",
        "Ask the mission to delete the empty rows and columns beyond the table and save again",
    )
