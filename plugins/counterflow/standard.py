"""The standard, field by field: where each field of HTCDS 2.0 lands, and what is dropped or left out, and why.

In: `standard.csv`, the decisions. Out: `docs/standard.md`, which `python -m counterflow.standard` writes.
Labels and types of the fields are those of the Human Trafficking Case Data Standard 2.0
(UNMigration/HTCDS, CC BY 4.0); the decisions are our own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterflow import canonical
from counterflow.settings import PROJECT

SOURCE = Path(__file__).with_name("standard.csv")
PAGE = PROJECT / "docs" / "standard.md"
BEYOND = "Beyond the standard"
FATES = {
    "lands": "lands",
    "gate": "consent gate",
    "dropped": "dropped: personal",
    "left_out": "left out",
    "adds": "added",
}

_HEAD = """# The standard, field by field

Written by `python -m counterflow.standard` from `plugins/counterflow/standard.csv`; edit that file.

Every field of the Human Trafficking Case Data Standard (HTCDS) 2.0 and every example question of its assessment has
its row: where it lands and how it is generalised, or that it is personal and dropped, or why it is left out. Personal
values are dropped inside the ingest task and are never written. HTCDS is by UNMigration under CC BY 4.0
(<https://github.com/UNMigration/HTCDS>); nobody but us is answerable for how it is used here.

{counts}

The classification of the UN for administrative data on trafficking (IC-TIP) counts in four units. The tables are of these:

| unit | tables |
|---|---|
{units}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the standard, or a group of our own fields beyond it, and what becomes of it."""

    section: str
    field: str
    label: str
    type: str
    status: str
    fate: str
    canonical: tuple[str, ...]  # table.field of `canonical.TABLES`
    core: tuple[str, ...]  # table.column of the warehouse's schema core
    how: str


def rows() -> list[Row]:
    """The decisions, in the standard's order."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return [_row(row) for row in csv.DictReader(file)]


def _row(cells: dict[str, str]) -> Row:
    return Row(
        section=cells["section"],
        field=cells["field"],
        label=cells["label"],
        type=cells["type"],
        status=cells["status"],
        fate=cells["fate"],
        canonical=tuple(cells["canonical"].split()),
        core=tuple(cells["core"].split()),
        how=cells["how"],
    )


def page() -> str:
    """The text of `docs/standard.md`."""
    decided = rows()
    parts = [_HEAD.format(counts=_counts(decided), units="\n".join(_units()))]
    for section in dict.fromkeys(row.section for row in decided):
        parts.append(f"## {section}\n")
        parts.append("\n".join(_table([row for row in decided if row.section == section])) + "\n")
    return "\n".join(parts)


def _counts(decided: list[Row]) -> str:
    questions = sum(row.status == "example" for row in decided)
    fields = sum(bool(row.field) for row in decided) - questions
    fates = [row.fate for row in decided if row.fate != "adds"]
    return (
        f"Of {fields} fields and {questions} questions, {fates.count('lands')} land, {fates.count('gate')} are the "
        f"consent gate, {fates.count('dropped')} are personal and dropped, {fates.count('left_out')} are left out."
    )


def _units() -> Iterator[str]:
    units = dict.fromkeys(table.unit for table in canonical.TABLES.values())
    for unit in units:
        names = [f"`{table.name}`" for table in canonical.TABLES.values() if table.unit == unit]
        yield f"| {unit} | {', '.join(names)} |"


def _table(section: list[Row]) -> Iterator[str]:
    if section[0].fate == "adds":
        yield "| where it lands (schema `core`) | landing | why |"
        yield "|---|---|---|"
        for row in section:
            yield f"| {_names(row.core)} | {_names(row.canonical)} | {row.how} |"
        return
    yield "| field | label | fate | where it lands (schema `core`) | landing | how, or why not |"
    yield "|---|---|---|---|---|---|"
    for row in section:
        name = f"`{row.field}`" + (" (deprecated)" if row.status == "deprecated" else "")
        places = f"{_names(row.core)} | {_names(row.canonical)}"
        yield f"| {name} | {row.label} | {FATES[row.fate]} | {places} | {row.how} |"


def _names(names: tuple[str, ...]) -> str:
    return "<br>".join(f"`{name}`" for name in names) or "–"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(PROJECT)}: {len(rows())} rows")
