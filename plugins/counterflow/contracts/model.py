"""The contract language: what one mission's YAML file may say, as strict pydantic models.

In: plain dicts and strings (the loader leaves every scalar a string, so `no` stays a word and
`01` keeps its zero). Out: a `Contract`. Unknown keys are errors; the loader adds file and line.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from counterflow.canonical import COUNTRY_BASES, TABLES, Kind
from counterflow.contracts.scalars import Calendar, Month, Share, Size, Words, alpha3


class Strict(BaseModel):
    """No key that the language does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Header(Strict):
    """How a column is found: by label, by technical name, or both (then both must agree)."""

    label: str | None = None
    technical: str | None = None
    position: int | None = Field(
        default=None, ge=1, description="1-based, for a column without any name"
    )

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"label": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _named(self) -> Header:
        if self.label is None and self.technical is None and self.position is None:
            raise ValueError("name the column by its label, its technical name or its position")
        return self

    def __str__(self) -> str:
        return self.label or self.technical or f"column {self.position}"


class Code(Strict):
    """What a local code means in the standard, and how well it fits."""

    code: str = Field(min_length=1)
    relation: Literal["exact", "broader", "narrower", "close"] = "exact"
    label: str | None = Field(default=None, description="in English, for a code of a local field")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"code": value} if isinstance(value, str) else value


CodeMap = dict[str, Code]


def _codes(value: object) -> object:
    """Names of lists, inline maps, or both: always a list of them."""
    return value if isinstance(value, list) else [value]


# Either is told by its look, so that an error is about the one that was meant.
_NamedOrInline = Annotated[
    Annotated[str, Tag("[name]")] | Annotated[CodeMap, Tag("[codes]")],
    Discriminator(lambda value: "[codes]" if isinstance(value, dict) else "[name]"),
]

# Names of lists in `codes:` or in `codes/`, inline maps, or a mixture; later ones win.
Codes = Annotated[list[_NamedOrInline], BeforeValidator(_codes)]


class Column(Strict):
    """One canonical field: the column it comes from, and how its cells are read."""

    from_: Header | None = Field(default=None, alias="from")
    codes: Codes | None = None
    many: str | None = Field(
        default=None, description="the delimiter between several codes in one cell"
    )
    date: Words | None = Field(default=None, description="strptime formats, tried in order")
    calendar: Calendar | None = None
    unit: Literal["years", "months"] | None = Field(
        default=None, description="the cell is a number of these, to be put into a band"
    )
    at: str | None = Field(default=None, description="a birth date becomes the age at this date")
    basis: str | None = Field(default=None, description="what the question about a country asks")
    with_: str | None = Field(
        default=None, alias="with", description="the item that this second list belongs to"
    )
    value: str | None = Field(default=None, description="a constant: what the whole form is about")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _somewhere(self) -> Column:
        if (self.from_ is None) == (self.value is None):
            raise ValueError("say either `from` (a column) or `value` (a constant)")
        if self.basis is not None and self.basis not in COUNTRY_BASES:
            raise ValueError(f"`basis` is one of {', '.join(COUNTRY_BASES)}")
        return self


class Local(Strict):
    """A coded field that only this mission has, kept with its closed list."""

    from_: Header = Field(alias="from")
    codes: Codes
    label: str


class Table(Strict):
    """One canonical table: where its rows are and which column is which field."""

    file: str | None = Field(default=None, description="a file of the archive, as a glob")
    sheet: str | None = None
    records: str | None = Field(
        default=None, description="dotted path of a list in a JSON document"
    )
    key: list[Header] | None = Field(default=None, description="the column(s) of the case number")
    columns: dict[str, Column] = {}
    becomes: dict[str, Column] = Field(
        default={}, description="fields made from a personal column, which itself is dropped"
    )
    each: dict[str, Header] = Field(
        default={}, description="one column per item: item code → column"
    )
    answers: Codes | None = Field(default=None, description="the codes of the cells under `each`")
    not_chosen: Literal["no", "unknown"] = "unknown"
    personal: list[Header] = []
    ignore: dict[str, str] = Field(default={}, description="column → why it is not used")
    local: dict[str, Local] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("key") not in (None, []):
            key = value["key"]
            return {**value, "key": key if isinstance(key, list) else [key]}
        return value

    @property
    def ignored(self) -> list[Header]:
        """The headers of the ignored columns."""
        places = {key: re.fullmatch(r"column (\d+)", key) for key in self.ignore}
        return [
            Header(position=int(place[1])) if place else Header(label=key)
            for key, place in places.items()
        ]

    @property
    def own_rows(self) -> bool:
        """Whether the table has a file, sheet or list of its own."""
        return bool(self.file or self.sheet or self.records)


class Limits(Strict):
    """What an export may cost; beyond it the export is refused."""

    packed: Size = 200_000_000
    unpacked: Size = 500_000_000
    ratio: int = Field(default=200, description="unpacked bytes for each packed one")
    members: int = 200
    cell: Size = 64_000
    columns: int = 500
    rows: int = 5_000_000


class HeaderRows(Strict):
    """Which rows of a sheet hold the names (1-based)."""

    label: int = Field(default=1, ge=1)
    technical: int | None = Field(default=None, ge=1)


class Source(Strict):
    """Where the export is and how its bytes are to be read."""

    connection: str
    path: str
    format: Literal["csv", "xlsx", "json"]
    archive: Literal["zip"] | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    header: HeaderRows = HeaderRows()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _readable(self) -> Source:
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ValueError(f"no encoding is called {self.encoding!r}") from None
        if len(self.delimiter) != 1:
            raise ValueError('a delimiter is one character; write a tab as "\\t"')
        try:
            date(2000, 1, 1).__format__("%Y")
            self.path.format(night=date(2000, 1, 1))
        except (KeyError, IndexError, ValueError):
            raise ValueError("a path knows only {night:%Y%m%d} and its like") from None
        return self


class Version(Strict):
    """One form of the mission: when it was used and what it did not ask."""

    from_: Month | None = Field(default=None, alias="from")
    until: Month | None = None
    not_asked: list[str] = []


class Consent(Strict):
    """Which answers allow research, on which column of the case table."""

    from_: Header = Field(alias="from")
    yes: Words
    no: Words = []
    withdrawn: Header | None = Field(
        default=None, description="a column that is filled on withdrawal"
    )
    not_withdrawn: Words = Field(
        default=[], description="what that column holds otherwise, but blank"
    )


class Consents(Strict):
    """Consent by scope; only research is used by Counterflow."""

    research: Consent


class Cadence(Strict):
    """How often an export is due, and how many nights it may be overdue."""

    every: Literal["night", "week", "month"] = "night"
    grace: int = Field(default=0, ge=0)


class RowBounds(Strict):
    """Volume: a minimum and the largest fall against the mission's own last export."""

    min: int | None = Field(default=None, ge=0)
    fall: Share | None = None


class Assertion(Strict):
    """What must hold of one table, or the export is refused."""

    rows: RowBounds = RowBounds()
    filled: dict[str, Share] = {}


class Contract(Strict):
    """All there is to know of one mission's export."""

    mission: Annotated[str, AfterValidator(alpha3)]
    name: str
    region: str
    languages: Words
    steward: str
    extends: Words = []
    cadence: Cadence = Cadence()
    source: Source
    missing: Words = []
    calendar: Calendar = "gregorian"
    codes: dict[str, CodeMap] = Field(default={}, description="named code lists")
    versions: dict[str, Version] = {"v1": Version()}
    tables: dict[str, Table]
    consent: Consents
    assert_: dict[str, Assertion] = Field(default={}, alias="assert")

    @model_validator(mode="after")
    def _coherent(self) -> Contract:
        if "case" not in self.tables:
            raise ValueError("`tables` needs `case`")
        for name, table in self.tables.items():
            self._check_table(name, table)
        for table_name, assertion in self.assert_.items():
            _known(table_name, self.tables, f"assert.{table_name}", "a table of this contract")
            fields = [f.name for f in TABLES[table_name].fields]
            for field in assertion.filled:
                _known(field, fields, f"assert.{table_name}.filled.{field}", "a field")
        for version, spec in self.versions.items():
            for entry in spec.not_asked:
                table_name = entry.partition(".")[0]
                where = f"versions.{version}.not_asked"
                _known(table_name, self.tables, where, "a table of this contract")
        return self

    def _check_table(self, name: str, table: Table) -> None:
        where = f"tables.{name}"
        _known(name, TABLES, where, "a canonical table")
        canonical = TABLES[name]
        fields = {f.name: f for f in canonical.fields}
        if name == "case" and not (table.own_rows and table.key):
            raise ValueError(
                f"{where}: the case table needs a `file`, `sheet` or `records`, and a `key`"
            )
        for part, columns in (("columns", table.columns), ("becomes", table.becomes)):
            for field, column in columns.items():
                path = f"{where}.{part}.{field}"
                _known(field, fields, path, "a field of the canonical table")
                self._check_column(path, fields[field].kind, column)
        if table.each and (table.answers is None or canonical.item is None):
            raise ValueError(f"{where}.each: needs `answers`, and a table that has items")
        for number, codes in enumerate([table.answers, *(lo.codes for lo in table.local.values())]):
            self._check_codes(f"{where}.{'answers' if not number else 'local'}", codes)

    def _check_column(self, path: str, kind: Kind, column: Column) -> None:
        coded = kind in (Kind.CODE, Kind.ANSWER, Kind.COUNTRY)
        if coded and column.from_ is not None and column.codes is None:
            raise ValueError(f"{path}: a coded field needs `codes`")
        if kind is Kind.BAND and not (column.codes or column.unit or (column.date and column.at)):
            raise ValueError(
                f"{path}: a band comes from `codes`, from `unit`, or from `date` and `at`"
            )
        if kind is Kind.MONTH and not column.date:
            raise ValueError(f'{path}: a date needs its format, as in `date: "%d.%m.%Y"`')
        self._check_codes(path, column.codes)

    def _check_codes(self, path: str, codes: list[str | CodeMap] | None) -> None:
        for entry in codes or []:
            if isinstance(entry, str):
                _known(entry, self.codes, f"{path}.codes", "a code list")

    def code_map(self, codes: list[str | CodeMap]) -> CodeMap:
        """Local code → canonical code of a column, its named lists and inline maps merged."""
        merged: CodeMap = {}
        for entry in codes:
            merged.update(self.codes[entry] if isinstance(entry, str) else entry)
        return merged

    @property
    def dialect(self) -> str:
        """The first dialect the contract extends, or `own`."""
        return self.extends[0] if self.extends else "own"


class UnknownNameError(ValueError):
    """A name that the language does not know; `path` is where it stands in the contract."""

    def __init__(self, name: str, candidates: list[str], path: str, what: str) -> None:
        self.name, self.candidates, self.path, self.what = name, candidates, path, what
        super().__init__(f"{path}: `{name}` is not {what}")


def _known(name: str, candidates: Any, path: str, what: str) -> None:
    if name not in candidates:
        raise UnknownNameError(name, list(candidates), path, what)
