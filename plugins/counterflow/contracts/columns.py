"""The language of one table: where its rows are, which column is which field, what codes mean.

In: plain dicts and strings of a contract's `tables`. Out: `Table`s of `Column`s with `Code`s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from counterflow.contracts.scalars import Basis, Calendar, Span, Words
from counterflow.contracts.strict import Strict


class Header(Strict):
    """How a column is found: by label, by technical name, or both (then both must agree)."""

    label: str | None = None
    """The name that people see. A column given as one word is its label."""
    technical: str | None = None
    """The name that programs see, where the file has a row of them."""
    position: int | None = Field(default=None, ge=1)
    """The place of the column, from 1, where it has no name."""

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
    """The standard's code. A code given as one word is this."""
    relation: Literal["exact", "broader", "narrower", "close"] = "exact"
    """How the local code fits: broader means more than the standard's, narrower less."""
    label: str | None = None
    """In English, for a code of a local field."""
    note: str | None = None
    """What makes the fit loose, in a sentence for analysts: it stands beside the numbers."""

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
    """The column. A field given as one word is its column's label."""
    codes: Codes | None = None
    """What the codes of the column mean in the standard."""
    many: str | None = None
    """The delimiter between several codes in one cell. Codes that hold it are found all the same."""
    date: Words | None = None
    """How dates are written (`%d.%m.%Y`); several ways are tried in order."""
    calendar: Calendar | None = None
    """The calendar of this column, if it is not that of the whole export."""
    unit: Literal["years", "months", "number"] | None = None
    """The cell is a number of years or months, or of children, to be put into a band."""
    at: str | None = None
    """A birth date becomes the age at this date."""
    basis: Basis | None = None
    """What the question about a country asks: where the person was last exploited, or a proxy."""
    with_: str | None = Field(default=None, alias="with")
    """The item of the table's list that this second list belongs to."""
    dates_are_bands: bool = False
    """A spreadsheet turned bands into dates: such a cell is the one band of `codes` it can have been."""
    value: str | None = None
    """A constant in the standard's words, instead of a column: what the whole form is about."""
    relation: Literal["exact", "broader", "narrower", "close"] = "exact"
    """How the question fits: broader asks for more than the standard's field, narrower for less."""
    note: str | None = None
    """What the question really asks, in a sentence for analysts, if it is not the standard's."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _somewhere(self) -> Column:
        if (self.from_ is None) == (self.value is None):
            raise ValueError("say either `from` (a column) or `value` (a constant)")
        return self


class Local(Strict):
    """A coded field that only this mission has, kept with its closed list."""

    from_: Header = Field(alias="from")
    """The column."""
    codes: Codes
    """Its closed list, in words of the mission's own choice."""
    label: str
    """What the field is about, in English."""


class Merged(Strict):
    """Records that were merged into another one."""

    from_: list[Header] = Field(alias="from")
    """The column with the number of the case it was merged into, or its parts, as in `key`."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        plain = value if isinstance(value, dict) and "from" in value else {"from": value}
        parts = plain["from"]
        return {**plain, "from": parts if isinstance(parts, list) else [parts]}


class Table(Strict):
    """One canonical table: where its rows are and which column is which field."""

    file: str | None = None
    """The file of the archive that holds its rows; `*` stands for anything."""
    sheet: str | None = None
    """The sheet of the workbook that holds its rows."""
    records: str | None = None
    """The dotted path of the list that holds its rows in a JSON document."""
    layout: dict[str, Span] = Field(default_factory=dict)
    """Column → its first and last character (`9-18`), in a file of fixed width without a ruler."""
    key: list[Header] | None = None
    """The column of the case number, or the columns that make it up together."""
    columns: dict[str, Column] = Field(default_factory=dict)
    """Canonical field → column."""
    becomes: dict[str, Column] = Field(default_factory=dict)
    """Canonical field → the personal column it is made from, which itself is dropped."""
    each: dict[str, Header] = Field(default_factory=dict)
    """One column per item of the table: the item in the standard's words → its column."""
    answers: Codes | None = None
    """What the cells of the columns under `each` mean."""
    groups: dict[str, dict[str, Column]] = Field(default_factory=dict)
    """Several groups of columns on one row, each a row of the table: name (`needed`) → columns."""
    merged: Merged | None = None
    """The column of the case table that says into which case a record was merged."""
    not_chosen: Literal["no", "unknown"] = "unknown"
    """What an item means that was not chosen: `no` only if the form makes one answer every item."""
    personal: list[Header] = Field(default_factory=list)
    """Columns that could tell who a person is. They are never read."""
    ignore: dict[str, str] = Field(default_factory=dict)
    """Column (or `column 1`) → why it is not used."""
    not_personal: dict[str, Annotated[str, Field(min_length=10)]] = Field(default_factory=dict)
    """Column whose name looks personal and that is not → why, in a sentence."""
    local: dict[str, Local] = Field(default_factory=dict)
    """Coded fields that only this mission has."""

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
    def read_columns(self) -> Iterator[Column]:
        """Every column that fills a field, kept or dropped after use, of the table or a group."""
        yield from self.columns.values()
        yield from self.becomes.values()
        for columns in self.groups.values():
            yield from columns.values()

    @property
    def read_headers(self) -> Iterator[Header]:
        """The headers of everything that is read of a row, but for its case number."""
        yield from (column.from_ for column in self.read_columns if column.from_ is not None)
        yield from self.each.values()
        yield from (local.from_ for local in self.local.values())
        yield from self.merged.from_ if self.merged is not None else ()

    @property
    def own_rows(self) -> bool:
        """Whether the table has a file, sheet or list of its own."""
        return bool(self.file or self.sheet or self.records)
