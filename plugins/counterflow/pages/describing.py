"""A contract for people: what is read of an export and how, what is dropped, what counts as consent.

In: a `Contract`. Out: plain texts in sections, escaped by whoever shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterflow.contracts import Contract
from counterflow.contracts.model import Column, Table

_EVERY = {"night": "every night", "week": "every week", "month": "every month"}


@dataclass(frozen=True, slots=True)
class Line:
    """One field: which column it comes from, how it is read, how well the question fits."""

    field: str
    column: str
    how: str
    relation: str
    note: str


@dataclass(frozen=True, slots=True)
class Part:
    """One canonical table of a contract."""

    name: str
    rows: str  # the file or sheet of its rows; empty: those of `case`
    lines: tuple[Line, ...]
    personal: tuple[str, ...]
    ignored: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Described:
    """All of a contract that a person reads."""

    facts: tuple[tuple[str, str], ...]
    consent: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]


def describe(contract: Contract) -> Described:
    """The contract as sections."""
    return Described(
        tuple(_facts(contract)),
        tuple(_consent(contract)),
        tuple(_versions(contract)),
        tuple(_part(contract, name, table) for name, table in contract.tables.items()),
    )


def _facts(contract: Contract) -> Iterator[tuple[str, str]]:
    source, cadence = contract.source, contract.cadence
    yield "Desk that answers", contract.steward
    yield "Languages of the export", ", ".join(contract.languages)
    grace = f", and may be {cadence.grace} nights overdue" if cadence.grace else ""
    yield "Due", _EVERY[cadence.every] + grace
    yield "Comes by", f"connection {source.connection}, {source.path}"
    packed = f" in a {source.archive}" if source.archive else ""
    yield "Format", f"{source.format}{packed}, {source.encoding}"
    if source.encryption is not None:
        layers = [n for n in ("pgp", "age", "zip", "workbook") if getattr(source.encryption, n)]
        yield "Locked with", ", ".join(layers)
    if source.signature is not None:
        yield "Signed by", ", ".join(source.signature.by)
    yield "Calendar of dates", contract.calendar
    if contract.missing:
        yield "Means that nothing was answered", ", ".join(contract.missing)
    if contract.extends:
        yield "Dialect", ", ".join(contract.extends)
    for name, bounds in contract.assert_.items():
        if bounds.rows.min is not None:
            yield f"Refused below ({name})", f"{bounds.rows.min} rows"
        if bounds.rows.fall is not None:
            yield f"Refused if rows fall by ({name})", f"{bounds.rows.fall:.0%}"


def _consent(contract: Contract) -> Iterator[tuple[str, str]]:
    consent = contract.consent.research
    yield "Column", str(consent.from_)
    yield "Allows research", ", ".join(consent.yes)
    if consent.no:
        yield "Refuses it", ", ".join(consent.no)
    yield "Anything else", "is no consent: the case stays with the mission"
    for key, header in consent.read:
        if key != "from":
            yield key, str(header)
    if consent.renews:
        yield "A consent dated after a withdrawal", "renews it"


def _versions(contract: Contract) -> Iterator[tuple[str, str]]:
    for name, version in contract.versions.items():
        since = f"from {version.from_:%Y-%m}" if version.from_ else "from the beginning"
        until = f" until {version.until:%Y-%m}" if version.until else ""
        asked = f"; did not ask {', '.join(version.not_asked)}" if version.not_asked else ""
        yield name, f"{since}{until}{asked}"


def _part(contract: Contract, name: str, table: Table) -> Part:
    lines = [_line(contract, field, column) for field, column in table.columns.items()]
    lines += [_line(contract, field, column) for field, column in table.becomes.items()]
    for group, columns in table.groups.items():
        lines += [_line(contract, f"{field} ({group})", c) for field, c in columns.items()]
    lines += [
        Line(item, str(header), "one column an item", "exact", "")
        for item, header in table.each.items()
    ]
    lines += [
        Line(field, str(local.from_), f"this mission's own list: {local.label}", "exact", "")
        for field, local in table.local.items()
    ]
    if table.key:
        lines.insert(
            0,
            Line(
                "case number", " + ".join(map(str, table.key)), "becomes a pseudonym", "exact", ""
            ),
        )
    return Part(
        name,
        table.file or table.sheet or table.records or "",
        tuple(lines),
        tuple(map(str, table.personal)),
        tuple(table.ignore.items()),
    )


def _line(contract: Contract, field: str, column: Column) -> Line:
    if column.value is not None:
        return Line(field, "", f"always `{column.value}`", column.relation, column.note or "")
    how = []
    if column.codes is not None:
        how.append(f"{len(contract.code_map(column.codes))} codes")
    if column.many is not None:
        how.append("several in a cell")
    if column.date is not None:
        how.append(f"date {' or '.join(column.date)}")
    if column.at is not None:
        how.append(f"age at {column.at}, as a band")
    if column.unit is not None:
        how.append(
            f"a number of {column.unit}, as a band"
            if column.unit != "number"
            else "a number, as a band"
        )
    if column.basis is not None:
        how.append(f"asks for the country of {column.basis.replace('_', ' ')}")
    return Line(
        field, str(column.from_), ", ".join(how) or "as it is", column.relation, column.note or ""
    )
