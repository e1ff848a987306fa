"""The register of sensitivity: what each field could tell of a person, and what may be done with it.

In: `sensitivity.csv`, the decisions, one row a field of HTCDS 2.0 (`standard`), a landed column (`landing.<table>`) or
a published column (`core.<table>`, …). Out: `entry`, `quasi_identifiers`, `sensitive`, and `docs/sensitivity.md`, which
`python -m counterflow.sensitivity` writes. It imports nothing of ours: the canonical model is built upon it, so that a
field without an entry, or a landed direct identifier, cannot exist.

A history table has the entries of its fact; its two nights are the only columns of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

SOURCE = Path(__file__).with_name("sensitivity.csv")
PAGE = Path(__file__).parents[2] / "docs" / "sensitivity.md"
STANDARD = "standard"


class Sensitivity(StrEnum):
    """What a value could do to a person if it were seen outside."""

    DIRECT_IDENTIFIER = (
        "direct_identifier"  # tells who it is, alone or nearly; never leaves ingest as it is
    )
    QUASI_IDENTIFIER = (
        "quasi_identifier"  # an outsider could know it, and find the person by several
    )
    SENSITIVE = "sensitive"  # could harm if learnt
    HARMLESS = "harmless"
    # what only stands in tables that we make
    PSEUDONYM = "pseudonym"  # a keyed hash of a case number
    TECHNICAL = "technical"  # of the load and not of a person: nights, hashes, places in a list
    MEASURE = "measure"  # a count or a rate over cases: small ones can single out
    GROUP = "group"  # the attribute that cases are counted by
    REFERENCE = "reference"  # of countries, codes, missions and tables


OF_A_PERSON = (
    Sensitivity.DIRECT_IDENTIFIER,
    Sensitivity.QUASI_IDENTIFIER,
    Sensitivity.SENSITIVE,
    Sensitivity.HARMLESS,
)
# The columns that a history table has beside those of its fact.
_HELD = {
    "valid_from": "technical,no,night,made by dbt,dropped",
    "valid_until": "technical,no,night,made by dbt,dropped",
}


class RegisterError(Exception):
    """The register and what it describes disagree: names the field and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is decided about one column.

    `outsider`: could somebody outside the agency know it of a person (family, neighbours, an employer, the
    trafficker)? `holds`: what a published column may hold, in the words of `warehouse.vocabulary`. `way`: how it was
    generalised until it stood here. `release`: what it may become in a release, step by step to the coarsest; `dropped`
    never leaves, `kept` leaves as it is, `protected` is a count that leaves rounded or with noise.
    """

    table: str
    column: str
    sensitivity: Sensitivity
    outsider: bool
    holds: str
    way: str
    release: tuple[str, ...]


@lru_cache(maxsize=1)
def register() -> dict[str, dict[str, Entry]]:
    """Table → column → entry, in the order of the file."""
    found: dict[str, dict[str, Entry]] = {}
    with SOURCE.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            one = _entry(row, f"{SOURCE.name}:{number}")
            columns = found.setdefault(one.table, {})
            if one.column in columns:
                raise RegisterError(
                    f"{SOURCE.name}:{number}: {one.table}.{one.column} has an entry already"
                )
            columns[one.column] = one
    return found


def _entry(row: dict[str, str], where: str) -> Entry:
    if None in row or None in row.values():
        raise RegisterError(f"{where}: a row has {len(row)} cells; quote what holds a comma")
    try:
        sensitivity = Sensitivity(row["class"])
    except ValueError:
        classes = ", ".join(Sensitivity)
        raise RegisterError(f"{where}: `{row['class']}` is no class; one of {classes}") from None
    if row["outsider"] not in ("yes", "no"):
        raise RegisterError(f"{where}: `outsider` is yes or no")
    if not row["way"] or not row["release"]:
        raise RegisterError(
            f"{where}: `way` and `release` say what is done with it; neither is blank"
        )
    return Entry(
        table=row["table"],
        column=row["column"],
        sensitivity=sensitivity,
        outsider=row["outsider"] == "yes",
        holds=row["holds"],
        way=row["way"],
        release=tuple(row["release"].split())
        if "as the " not in row["release"]
        else (row["release"],),
    )


def columns(table: str) -> dict[str, Entry]:
    """Column → entry of a table, as `standard`, `landing.case`, `core.fct_case` or `history.fct_case`."""
    known = register()
    schema, _, name = table.partition(".")
    if table in known:
        return known[table]
    if schema == "history" and f"core.{name}" in known:
        # the night of loading is of the mission's load and not of the case: history does not keep it
        own = {n: one for n, one in known[f"core.{name}"].items() if one.holds != "night"}
        held = {c: _entry(_held(table, c), SOURCE.name) for c in _HELD}
        return own | held
    raise RegisterError(
        f"{table} has no entry in {SOURCE.name}: say of each column what it could tell"
    )


def _held(table: str, column: str) -> dict[str, str]:
    names = ("class", "outsider", "holds", "way", "release")
    values = dict(zip(names, _HELD[column].split(","), strict=True))
    return {"table": table, "column": column, **values}


def entry(table: str, column: str) -> Entry:
    """The entry of a column. Raises RegisterError with its name if it has none."""
    found = columns(table).get(column)
    if found is None:
        raise RegisterError(
            f"{table}.{column} has no entry in {SOURCE.name}: say what it could tell of a person"
        )
    return found


def quasi_identifiers(table: str) -> tuple[str, ...]:
    """Every column of a table that an outsider could know of a person; also of the sensitive ones."""
    return tuple(
        name
        for name, one in columns(table).items()
        if one.outsider and one.sensitivity in OF_A_PERSON
    )


def sensitive(table: str) -> tuple[str, ...]:
    """The columns of a table that could harm if learnt, whether an outsider could know them or not."""
    return tuple(
        name for name, one in columns(table).items() if one.sensitivity is Sensitivity.SENSITIVE
    )


def may_land(table: str, names: Iterable[str]) -> None:
    """Raises RegisterError unless each column has an entry and none tells who a person is."""
    for name in names:
        one = entry(f"landing.{table}", name)
        if one.sensitivity is Sensitivity.DIRECT_IDENTIFIER:
            raise RegisterError(
                f"landing.{table}.{name} is a direct identifier and must not be landed: land what it is "
                "generalised to, under another name"
            )


def agree(table: str, names: Iterable[str]) -> list[str]:
    """What is wrong between the columns of a table and its entries, a sentence each; nothing if they agree."""
    listed = list(names)
    try:
        known = columns(table)
    except RegisterError as error:
        return [str(error)]
    return [
        *(f"{table}.{n} has no entry in {SOURCE.name}" for n in listed if n not in known),
        *(f"{SOURCE.name}: {table} has no column {n}" for n in known if n not in listed),
    ]


_HEAD = """# The register of sensitivity

Written by `python -m counterflow.sensitivity` from `plugins/counterflow/sensitivity.csv`; edit that file.

Every field of HTCDS 2.0, every landed column and every published column has an entry: what it could tell of a person, and
what may be done with it. Nothing can be landed or published without one ([ADR 26](adr/0026-register-of-sensitivity-and-leak-gate.md)).

| class | means | entries |
|---|---|---|
{classes}

**outsider**: could somebody outside the agency know it of a person: family, neighbours, an employer, the trafficker?
k-anonymity counts over all columns with yes, also over sensitive ones. **on its way**: how it was generalised until it
stood here; `dropped` in the memory of one ingest task. **in a release**: what it may become, from the finest step to the
coarsest; `dropped` never leaves, `kept` leaves as it is, `protected` is a count that leaves rounded or with noise.

History holds the columns of its facts, with their entries, and two nights.
"""
_MEANS = {
    Sensitivity.DIRECT_IDENTIFIER: "tells who it is, alone or nearly; never leaves ingest as it is",
    Sensitivity.QUASI_IDENTIFIER: "an outsider could know it, and find the person by several of them",
    Sensitivity.SENSITIVE: "could harm if learnt",
    Sensitivity.HARMLESS: "neither",
    Sensitivity.PSEUDONYM: "keyed hash of a case number",
    Sensitivity.TECHNICAL: "of the load and not of a person",
    Sensitivity.MEASURE: "count or rate over cases: a small one can single out",
    Sensitivity.GROUP: "attribute that cases are counted by",
    Sensitivity.REFERENCE: "of countries, codes, missions and tables",
}
_PARTS = {
    STANDARD: "The standard (HTCDS 2.0)",
    "landing": "Landing",
    "core": "Published: core",
    "history": "Published: history",
    "analysis": "Published: analysis",
    "quality": "Published: quality",
}


def page() -> str:
    """The text of `docs/sensitivity.md`."""
    every = [one for known in register().values() for one in known.values()]
    classes = "\n".join(
        f"| {c} | {_MEANS[c]} | {sum(one.sensitivity is c for one in every)} |" for c in Sensitivity
    )
    parts = [_HEAD.format(classes=classes)]
    for part, title in _PARTS.items():
        lines = [line for table in register() if _part(table) == part for line in _lines(table)]
        parts.append("\n".join((f"## {title}\n", *_top(part), *lines)) + "\n")
    return "\n".join(parts)


def _part(table: str) -> str:
    return table.partition(".")[0]


def _top(part: str) -> tuple[str, str]:
    if part == STANDARD:
        return "| field | class | outsider | on its way | in a release |", "|---|---|---|---|---|"
    if part in ("analysis", "quality"):
        return "| table | class | columns | in a release |", "|---|---|---|---|"
    return (
        "| column | class | outsider | holds | on its way | in a release |",
        "|---|---|---|---|---|---|",
    )


def _lines(table: str) -> Iterator[str]:
    part, known = _part(table), columns(table)
    if part in ("analysis", "quality"):  # counted, not of one person: a line for each class
        for key in dict.fromkeys((one.sensitivity, one.release) for one in known.values()):
            names = ", ".join(
                f"`{n}`" for n, o in known.items() if (o.sensitivity, o.release) == key
            )
            yield f"| `{table}` | {key[0]} | {names} | {' → '.join(key[1])} |"
        return
    for name, one in known.items():
        outsider = "yes" if one.outsider else "no"
        where = f"`{name}`" if part == STANDARD else f"`{table.removeprefix(f'{part}.')}.{name}`"
        holds = "" if part == STANDARD else f" {one.holds.replace('|', ', ') or '–'} |"
        yield f"| {where} | {one.sensitivity} | {outsider} |{holds} {one.way} | {' → '.join(one.release)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {sum(map(len, register().values()))} entries")
