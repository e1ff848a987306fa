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
    """Which rows of a file or sheet hold the names (1-based)."""

    label: int = Field(default=1, ge=0)
    """The row with the names that people see; 0 where a file of fixed width has none."""
    technical: int | None = Field(default=None, ge=1)
    """The row with the names that programs see, if there is one."""
    ruler: int | None = Field(default=None, ge=1)
    """The row whose strokes (`----- ---`) mark the columns of a file of fixed width."""


class Source(Strict):
    """Where the export is and how its bytes are to be read."""

    connection: str
    """The Airflow connection: host and password are there, not here."""
    path: Path
    """The export's path; `{night:%Y%m%d}` stands for the night."""
    checksum: Literal["sha256", "sha512", "md5"] | None = None
    """The checksum file that lies beside each export, as `cases_20101125.zip.sha256`; without it, or where it
    disagrees, the export is refused."""
    settle: int | None = Field(default=None, ge=0)
    """Seconds for which an export must not have changed before it is taken; 60 over SFTP and in mounted folders,
    where an upload can be seen half-way, and 0 elsewhere, if not said."""
    format: Literal["csv", "fixed", "xlsx", "xls", "ods", "json"]
    """What the export is, once unpacked; `fixed` is text in columns of fixed width."""
    archive: Literal["zip"] | None = None
    """What it is packed in."""
    encoding: Encoding = "utf-8"
    """The encoding of its text. A byte order mark wins."""
    delimiter: Delimiter = ","
    """The character between two cells of a CSV."""
    trimmed: bool = False
    """Whether lines of fixed width end after their last filled cell; else a short line is refused."""
    decimal: Literal[".", ","] = "."
    """The mark inside a decimal number; a number with the other one cannot be read."""
    accents: Literal["kept", "lost", "garbled"] = "kept"
    """What became of letters outside ASCII: `?` stands for each (lost), or several wrong ones (garbled)."""
    header: HeaderRows = HeaderRows()
    """Where the names of the columns are."""
    limits: Limits = Limits()
    """What the export may cost."""
