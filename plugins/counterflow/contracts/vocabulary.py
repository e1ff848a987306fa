"""Whether the codes of a contract mean something that the standard knows.

In: a loaded contract and the standard's code lists (dbt's seeds). Out: errors where a local code
maps to what the standard does not know. That a code means one thing is seen when it is loaded.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from counterflow.canonical import TABLES, Field
from counterflow.contracts.errors import ContractError, nearest
from counterflow.contracts.fields import (
    At,
    answer_field,
    is_coded,
    placed_columns,
)
from counterflow.contracts.load import Loaded
from counterflow.contracts.model import Codes, Table


@dataclass(slots=True)
class Standard:
    """The code lists of the standard, and which shared lists were already compared with them."""

    lists: dict[str, frozenset[str]]
    compared: set[object] = field(default_factory=set)

    @classmethod
    def read(cls, seeds: Path) -> Standard:
        """Every list of the seed files: `code_list, code`, and countries by `country_code`."""
        lists: dict[str, set[str]] = {}
        for path in sorted(seeds.glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    if "code_list" in row and "code" in row:
                        lists.setdefault(row["code_list"], set()).add(row["code"])
                    elif "country_code" in row:
                        lists.setdefault("country", {"unknown"}).add(row["country_code"])
        return cls({name: frozenset(codes) for name, codes in lists.items()})


def errors(loaded: Loaded, standard: Standard) -> Iterator[ContractError]:
    """Codes that the standard does not know."""
    for table_name, table in loaded.contract.tables.items():
        yield from _constants(loaded, standard, table_name, table)
        for at, codes, canonical in _coded(table_name, table):
            known = _known(standard, canonical)
            yield from _foreign(loaded, standard, at, codes, canonical, known)


def _known(standard: Standard, canonical: Field | None) -> frozenset[str] | None:
    if canonical is None or canonical.code_list is None:
        return None  # the codes of a local field are the mission's own
    return standard.lists.get(canonical.code_list)


def _coded(table_name: str, table: Table) -> Iterator[tuple[At, Codes, Field | None]]:
    """Every place of a table where codes are mapped, and the field that they are of."""
    fields = {f.name: f for f in TABLES[table_name].fields}
    for at, name, column in placed_columns(table_name, table):
        if column.codes is not None and is_coded(fields[name]):
            yield (*at, "codes"), column.codes, fields[name]
    name = answer_field(table_name) or ""
    if table.answers is not None and name in fields:
        yield ("tables", table_name, "answers"), table.answers, fields[name]
    for name, local in table.local.items():
        yield ("tables", table_name, "local", name, "codes"), local.codes, None


def _constants(
    loaded: Loaded, standard: Standard, table_name: str, table: Table
) -> Iterator[ContractError]:
    """`value`, `with` and the items under `each` stand in the standard's own words."""
    fields = {f.name: f for f in TABLES[table_name].fields}
    item = TABLES[table_name].item
    stated: list[tuple[At, str, Field]] = []
    for at, name, column in placed_columns(table_name, table):
        if column.value is not None:
            stated.append(((*at, "value"), column.value, fields[name]))
        if column.with_ is not None and item is not None:
            stated.append(((*at, "with"), column.with_, fields[item]))
    named = TABLES[table_name].group
    if named is not None:
        stated += [
            (("tables", table_name, "groups", group), group, fields[named])
            for group in table.groups
        ]
    if item is not None:
        stated += [
            (("tables", table_name, "each", code), code, fields[item]) for code in table.each
        ]
    for at, code, canonical in stated:
        known = _known(standard, canonical)
        if known is not None and code not in known:
            yield _not_in_list(loaded, at, code, canonical, known)


def _foreign(
    loaded: Loaded,
    standard: Standard,
    at: At,
    codes: Codes,
    canonical: Field | None,
    known: frozenset[str] | None,
) -> Iterator[ContractError]:
    """Codes of a map that are not in the standard's list."""
    if known is None or canonical is None:
        return
    for entry in codes:
        where: At = ("codes", entry) if isinstance(entry, str) else at
        mark = (loaded.place(where), canonical.code_list)
        if isinstance(entry, str) and mark in standard.compared:
            continue
        standard.compared.add(mark)
        found = loaded.contract.codes[entry] if isinstance(entry, str) else entry
        for local, code in found.items():
            if code.code not in known:
                yield _not_in_list(loaded, (*where, local), code.code, canonical, known)


def _not_in_list(
    loaded: Loaded, at: At, code: str, canonical: Field, known: Iterable[str]
) -> ContractError:
    problem = f"`{code}` is not in the standard's list `{canonical.code_list}`"
    return loaded.error(at, problem, nearest(code, known))
