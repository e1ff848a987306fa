"""Codes that a contract maps twice: two writings of one code that mean different things.

In: a contract. Out: each such pair. A cell matches a code whatever its case and blanks, so which of
the two meanings it has cannot be told: the contract is refused before anything is read by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterflow.contracts.fields import At, answer_field, placed_columns
from counterflow.contracts.model import Code, Codes, Contract, Table
from counterflow.text import fold


@dataclass(frozen=True, slots=True)
class Twice:
    """One pair: `local` at `at` is the same code as `before`, and means something else."""

    at: At
    table_name: str
    field: str
    local: str
    code: Code
    before: str
    meant: Code

    @property
    def problem(self) -> str:
        """What is wrong, in the contract's own words."""
        same = "stands elsewhere too" if self.local == self.before else "is the same code as"
        other = "" if self.local == self.before else f" `{self.before}`"
        return f"`{self.local}` {same}{other}, which means `{self.meant.code}`"


def mapped_twice(contract: Contract) -> Iterator[Twice]:
    """The pairs of each field: of one column, or of the columns of its groups together."""
    sound: set[tuple[str, ...]] = set()  # named lists that were compared already
    for table_name, table in contract.tables.items():
        for field, places in _coded(table_name, table).items():
            names = tuple(str(entry) for _, codes in places for entry in codes)
            plain = all(isinstance(entry, str) for _, codes in places for entry in codes)
            if plain and names in sound:
                continue
            found = list(_pairs(contract, table_name, field, places))
            if plain and not found:
                sound.add(names)
            yield from found


def _coded(table_name: str, table: Table) -> dict[str, list[tuple[At, Codes]]]:
    """By field the places where its codes are mapped; each local field is one by itself."""
    found: dict[str, list[tuple[At, Codes]]] = {}
    for at, field, column in placed_columns(table_name, table):
        if column.codes is not None:
            found.setdefault(field, []).append(((*at, "codes"), column.codes))
    if table.answers is not None:
        at = ("tables", table_name, "answers")
        found.setdefault(answer_field(table_name) or "", []).append((at, table.answers))
    for name, local in table.local.items():
        at = ("tables", table_name, "local", name, "codes")
        found[f"local.{name}"] = [(at, local.codes)]
    return found


def _pairs(
    contract: Contract, table_name: str, field: str, places: list[tuple[At, Codes]]
) -> Iterator[Twice]:
    seen: dict[str, tuple[str, Code]] = {}
    for at, codes in places:
        for local, code in contract.code_map(codes).items():
            before, meant = seen.setdefault(fold(local), (local, code))
            if meant.code != code.code:
                where = place_of(contract, at, codes, local)
                yield Twice(where, table_name, field, local, code, before, meant)


def place_of(contract: Contract, at: At, codes: Codes, local: str) -> At:
    """Where the code that won stands: the last list or map that holds it."""
    for number, entry in reversed(list(enumerate(codes))):
        if isinstance(entry, str) and local in contract.codes[entry]:
            return ("codes", entry, local)
        if not isinstance(entry, str) and local in entry:
            return (*at, str(number), local) if len(codes) > 1 else (*at, local)
    return at
