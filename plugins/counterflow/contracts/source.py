"""The language of an export as a file: where it is, how its bytes are read, what it may cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterflow.contracts.scalars import Delimiter, Encoding, Path, Size
from counterflow.contracts.strict import Strict


class Limits(Strict):
    """What an export may cost; beyond it the export is refused."""

    packed: Size = 200_000_000
    """Bytes of the file as it is delivered."""
    unpacked: Size = 500_000_000
    """Bytes of all files of the archive together."""
    ratio: int = 200
    """Unpacked bytes for each packed one."""
    members: int = 200
    """Files in the archive."""
    cell: Size = 64_000
    """Bytes of one cell."""
    columns: int = 500
    """Columns of one table."""
    rows: int = 5_000_000
    """Rows of one table."""


class HeaderRows(Strict):
    """Which rows of a sheet hold the names (1-based)."""

    label: int = Field(default=1, ge=1)
    """The row with the names that people see."""
    technical: int | None = Field(default=None, ge=1)
    """The row with the names that programs see, if there is one."""


class Source(Strict):
    """Where the export is and how its bytes are to be read."""

    connection: str
    """The Airflow connection: host and password are there, not here."""
    path: Path
    """The export's path; `{night:%Y%m%d}` stands for the night."""
    format: Literal["csv", "xlsx", "json"]
    """What the export is, once unpacked."""
    archive: Literal["zip"] | None = None
    """What it is packed in."""
    encoding: Encoding = "utf-8"
    """The encoding of its text. A byte order mark wins."""
    delimiter: Delimiter = ","
    """The character between two cells of a CSV."""
    header: HeaderRows = HeaderRows()
    """Where the names of the columns are."""
    limits: Limits = Limits()
    """What the export may cost."""
