"""The contract language: what one mission's YAML file may say, as strict pydantic models.

In: plain dicts and strings (the loader leaves every scalar a string, so `no` stays a word and
`01` keeps its zero). Out: a `Contract`. Unknown keys are errors; the loader adds file and line.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from counterflow.canonical import TABLES, Kind
from counterflow.canonical import Field as CanonicalField
from counterflow.canonical import Table as CanonicalTable
from counterflow.contracts.columns import (
    Code,
    CodeMap,
    Codes,
    Column,
    Header,
    Local,
    Merged,
    Table,
)
from counterflow.contracts.consents import Consent, Consents
from counterflow.contracts.scalars import Calendar, MissionCode, Month, MonthNumber, Share, Words
from counterflow.contracts.source import HeaderRows, Limits, Source
from counterflow.contracts.strict import Strict

__all__ = [
    "Assertion",
    "Cadence",
    "Code",
    "CodeMap",
    "Codes",
    "Column",
    "Consent",
    "Consents",
    "Contract",
    "Header",
    "HeaderRows",
    "Limits",
    "Local",
    "Merged",
    "RowBounds",
    "Source",
    "Strict",
    "Table",
    "UnknownNameError",
    "Version",
]


class Version(Strict):
    """One form of the mission: when it was used and what it did not ask."""

    from_: Month | None = Field(default=None, alias="from")
    """The first month of registrations on this form."""
    until: Month | None = None
    """The last month of registrations on this form."""
    not_asked: list[str] = Field(default_factory=list)
    """What the form did not ask: `table`, `table.field` or `table.item`."""


class Cadence(Strict):
    """How often an export is due, and how many nights it may be overdue."""

    every: Literal["night", "week", "month"] = "night"
    """How often the mission exports."""
    grace: int = Field(default=0, ge=0)
    """Nights that an export may be overdue before the mission is called late."""
    silent: int | None = Field(default=None, ge=1)
    """Nights without an export after which its silence is told further up; three periods and the grace, and
    never less than 14 nights, unless said here."""


class RowBounds(Strict):
    """Volume: a minimum and the largest fall against the mission's own last export."""

    min: int | None = Field(default=None, ge=0)
    """Fewer rows than this refuse the export."""
    fall: Share | None = None
    """A fall in rows by more than this share refuses the export."""


class Assertion(Strict):
    """What must hold of one table, or the export is refused."""

    rows: RowBounds = RowBounds()
    """How many rows there must be."""
    filled: dict[str, Share] = Field(default_factory=dict)
    """Canonical field → the least share of rows in which it is filled."""


class Contract(Strict):
    """All there is to know of one mission's export."""

    mission: MissionCode
    """The mission's ISO 3166 alpha-3 code; the file is called after it."""
    name: str
    """The mission's name in English."""
    region: str
    """Its sub-region of the UN's M49."""
    languages: Words
    """The languages of the export, by their ISO 639 codes."""
    steward: str
    """The desk that answers for the data, never a person."""
    extends: Words = Field(default_factory=list)
    """The dialect (or dialects) whose keys hold wherever this file says nothing else."""
    cadence: Cadence = Cadence()
    """When an export is due."""
    source: Source
    """Where the export is and how it is read."""
    missing: Words = Field(default_factory=list)
    """Codes for: asked, and not answered. They hold in every column."""
    calendar: Calendar = "gregorian"
    """The calendar of all dates."""
    months: dict[str, MonthNumber] = Field(default_factory=dict)
    """The names of months that `%b` in a date stands for → their numbers."""
    codes: dict[str, CodeMap] = Field(default_factory=dict)
    """Code lists by name: local code → the standard's, or the name of a list of `codes/`."""
    versions: dict[str, Version] = Field(default_factory=lambda: {"v1": Version()})
    """The forms the mission has used, by name."""
    tables: dict[str, Table]
    """The canonical tables that the export fills."""
    consent: Consents
    """Which answers allow what."""
    assert_: dict[str, Assertion] = Field(default={}, alias="assert")
    """What must hold, or the export is refused, by table."""

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
        parts = {"columns": table.columns, "becomes": table.becomes}
        parts |= {f"groups.{group}": columns for group, columns in table.groups.items()}
        for part, columns in parts.items():
            for field, column in columns.items():
                path = f"{where}.{part}.{field}"
                _known(field, fields, path, "a field of the canonical table")
                self._check_column(path, fields[field], column)
        self._check_groups(where, canonical, table)
        self._check_merged(where, table)
        if table.each and (table.answers is None or canonical.item is None):
            raise ValueError(f"{where}.each: needs `answers`, and a table that has items")
        for number, codes in enumerate([table.answers, *(lo.codes for lo in table.local.values())]):
            self._check_codes(f"{where}.{'answers' if not number else 'local'}", codes)

    def _check_groups(self, where: str, canonical: CanonicalTable, table: Table) -> None:
        if table.groups and canonical.group is None:
            raise ValueError(f"{where}.groups: the rows of this table have nothing to name them by")
        if table.groups and table.each:
            raise ValueError(f"{where}.groups: `each` makes rows already; only one of the two can")
        for group, columns in table.groups.items():
            if canonical.group in {*columns, *table.columns, *table.becomes}:
                raise ValueError(
                    f"{where}.groups.{group}.{canonical.group}: the group's name says it already"
                )
            if not any(column.from_ for column in columns.values()):
                raise ValueError(f"{where}.groups.{group}: needs a column of its own")
            numbered = canonical.group and canonical.field(canonical.group).kind is Kind.NUMBER
            if numbered and not group.isdecimal():
                raise ValueError(f"{where}.groups.{group}: these groups are named 1, 2, 3")

    def _check_merged(self, where: str, table: Table) -> None:
        if table.merged is None:
            return
        if where != "tables.case":
            raise ValueError(f"{where}.merged: only cases are merged")
        if len(table.merged.from_) != len(table.key or []):
            raise ValueError(f"{where}.merged: needs as many columns as `key`, in its order")

    def _check_column(self, path: str, field: CanonicalField, column: Column) -> None:
        kind = field.kind
        coded = kind in (Kind.CODE, Kind.ANSWER, Kind.COUNTRY)
        if coded and column.from_ is not None and column.codes is None:
            raise ValueError(f"{path}: a coded field needs `codes`")
        if kind is Kind.BAND and not (column.codes or column.unit or (column.date and column.at)):
            raise ValueError(
                f"{path}: a band comes from `codes`, from `unit`, or from `date` and `at`"
            )
        counts = ("number",) if field.code_list == "children_band" else ("years", "months")
        if column.unit is not None and (kind is not Kind.BAND or column.unit not in counts):
            raise ValueError(f"{path}: a number here is of {' or '.join(counts)}")
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
