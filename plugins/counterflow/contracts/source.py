"""The language of an export as a file: where it is, how its bytes are read, what it may cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from counterflow.contracts.scalars import (
    Delimiter,
    Encoding,
    Fingerprints,
    KeyNames,
    Path,
    Size,
    Suffix,
)
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
    memory: Size = 4_000_000_000
    """Bytes of memory to open, read and de-personalise it; beyond them its reader is stopped."""
    seconds: int = Field(default=900, ge=1)
    """Seconds of a processor to open, read and de-personalise it; beyond them its reader is stopped."""


class Encryption(Strict):
    """How the export is locked on its way: the names of the keys that open each layer, outermost first.

    A second name is the key before or after: both open it while a mission changes from one to the other.
    """

    pgp: KeyNames = Field(default_factory=list)
    """OpenPGP, around everything else: a private key, or the passphrase of `gpg --symmetric`."""
    age: KeyNames = Field(default_factory=list)
    """age: an identity (`AGE-SECRET-KEY-1…`), or a passphrase."""
    zip: KeyNames = Field(default_factory=list)
    """The passphrase of a zip locked with AES."""
    workbook: KeyNames = Field(default_factory=list)
    """The password of a locked workbook (.xlsx)."""

    @property
    def names(self) -> list[str]:
        """All keys that are named."""
        return list(dict.fromkeys([*self.pgp, *self.age, *self.zip, *self.workbook]))


class Signature(Strict):
    """Who must have signed the export. Without a good signature by one of them it is refused."""

    by: Fingerprints = Field(min_length=1)
    """Fingerprints of the OpenPGP keys that may sign; the public keys are in `keys/` beside the contracts."""
    place: Literal["beside", "inside"] = "beside"
    """A file of its own beside the export, or inside what OpenPGP has encrypted."""
    suffix: Suffix = ".sig"
    """What the name of the file beside has more than the export's."""


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
    encryption: Encryption | None = None
    """How it is locked; without it a locked export is refused."""
    signature: Signature | None = None
    """Who must have signed it."""
    limits: Limits = Limits()
    """What the export may cost."""

    @model_validator(mode="after")
    def _lockable(self) -> Source:
        locks = self.encryption
        if locks is not None and not locks.names:
            raise ValueError("encryption: name a key, as in `encryption: {age: moldova_2026}`")
        if locks is not None and locks.zip and self.archive != "zip":
            raise ValueError("encryption.zip: needs `archive: zip`")
        if locks is not None and locks.workbook and self.format != "xlsx":
            raise ValueError("encryption.workbook: needs `format: xlsx`")
        if locks is not None and max(len(locks.zip), len(locks.workbook)) > 2:
            raise ValueError("encryption: a passphrase and the one before it: more are not tried")
        if self.signature and self.signature.place == "inside" and not (locks and locks.pgp):
            raise ValueError("signature.place: inside needs `encryption.pgp`")
        return self
