"""The release's policy: what it holds, what it must obey and what it should keep.

In: `policy.yml`. Out: a `ReleasePolicy`, refused in one line if a name is unknown or a bound is below
the floor. Its digest stands in the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from counterflow import sensitivity
from counterflow.disclosure import DisclosureRefused, Policy
from counterflow.disclosure.policy import FLOOR_K, FLOOR_L
from counterflow.release.contents import COLUMNS, VIEWS, hierarchies, sources
from counterflow.release.errors import ReleaseRefused
from counterflow.sensitivity import Sensitivity

FILE = Path(__file__).with_name("policy.yml")
_STATA_NAME = 32


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the microdata."""

    weight: float = 1.0
    coarsens: str | None = None
    sensitive: bool = False
    hxl: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A protected table: distinct cases of a view by some of its columns."""

    title: str
    view: str
    by: tuple[str, ...]
    margins: bool = True  # whether sums over a dimension mean anything


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """Everything that a release depends on beside the warehouse and the releases before it."""

    title: str
    publisher: str
    licence: Mapping[str, str]
    k: int
    l: int  # noqa: E741 (its name everywhere)
    minimum_cell: int
    floor_cases: int
    method: Literal["cell_key", "rounding"]
    effort: int
    columns: Mapping[str, Column]
    tables: Mapping[str, Table]

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Columns for which l holds."""
        return tuple(name for name, column in self.columns.items() if column.sensitive)

    @property
    def known(self) -> tuple[str, ...]:
        """All other columns: what an outsider is assumed to know when he wants to learn more."""
        return tuple(name for name, column in self.columns.items() if not column.sensitive)

    def levels(self, column: str) -> tuple[str, ...]:
        """The columns that a column is released as, from fine to coarse."""
        coarsens = self.columns[column].coarsens
        steps = hierarchies()[coarsens].levels if coarsens else ()
        return (column, *(f"{column}_{step}" for step in steps))

    def released(self, columns: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """All columns of the microdata as released."""
        chosen = self.columns if columns is None else columns
        return tuple(level for name in chosen for level in self.levels(name))

    def disclosure(self) -> Policy:
        """What `counterflow.disclosure` is asked for."""
        every = hierarchies()
        return Policy(
            k=self.k,
            l=self.l,
            weights={name: column.weight for name, column in self.columns.items()},
            hierarchies={n: every[c.coarsens] for n, c in self.columns.items() if c.coarsens},
            effort=self.effort,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of all that is said here."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def with_k(self, k: int) -> ReleasePolicy:
        """The same with another k, refused below the floor."""
        return checked(replace(self, k=k))


def load(path: Path = FILE) -> ReleasePolicy:
    """Read and check a policy."""
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
        said.pop("version")
        columns = {name: Column(**told) for name, told in said.pop("microdata").items()}
        tables = {
            name: Table(told["title"], told["from"], tuple(told["by"]), told.get("margins", True))
            for name, told in said.pop("tables").items()
        }
        policy = ReleasePolicy(**said, columns=columns, tables=tables)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseRefused(
            f"{path} is no policy of a release ({type(error).__name__}): {_first(error)}"
        ) from None
    return checked(policy)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]


def checked(policy: ReleasePolicy) -> ReleasePolicy:
    """The policy itself, if nothing in it is below a floor or unknown. Raises ReleaseRefused."""
    for name, said, floor in (
        ("k", policy.k, FLOOR_K),
        ("l", policy.l, FLOOR_L),
        ("minimum_cell", policy.minimum_cell, FLOOR_K),
        ("floor_cases", policy.floor_cases, 10 * FLOOR_K),
    ):
        if not isinstance(said, int) or said < floor:
            raise ReleaseRefused(
                f"{name} is {said}, and the floor is {floor}: nothing is released below it"
            )
    if policy.method not in ("cell_key", "rounding"):
        raise ReleaseRefused(f"method is {policy.method}: choose cell_key or rounding")
    for name, column in policy.columns.items():
        if name not in COLUMNS or (column.coarsens and column.coarsens not in hierarchies()):
            raise ReleaseRefused(
                f"microdata.{name} is not a column, or its hierarchy is not one, of counterflow.release.contents"
            )
        _agrees_with_the_register(name, column)
    for name, table in policy.tables.items():
        if table.view not in VIEWS or not set(table.by) <= COLUMNS.keys() or name == "microdata":
            raise ReleaseRefused(
                f"tables.{name}: counterflow.release.contents has no such view or column"
            )
        if len(table.by) > 4:
            raise ReleaseRefused(
                f"tables.{name} has {len(table.by)} dimensions; more than 4 leave too few cases a cell"
            )
    long = [name for name in policy.released() if len(name) > _STATA_NAME]
    if long:
        raise ReleaseRefused(
            f"{', '.join(long)}: Stata has no names of more than {_STATA_NAME} characters"
        )
    try:
        policy.disclosure()
    except DisclosureRefused as refused:
        raise ReleaseRefused(str(refused)) from None
    return policy


def _agrees_with_the_register(name: str, column: Column) -> None:
    for table, source in sources(name):
        known = sensitivity.entry(table, source)
        if known.sensitivity is Sensitivity.SENSITIVE and not column.sensitive:
            raise ReleaseRefused(
                f"microdata.{name}: {table}.{source} is sensitive: say `sensitive: true`"
            )
        if "dropped" in known.release or known.sensitivity is Sensitivity.DIRECT_IDENTIFIER:
            raise ReleaseRefused(f"microdata.{name}: {table}.{source} never leaves")


def to_json(policy: ReleasePolicy) -> dict[str, Any]:
    """For the ledger and the data package."""
    return asdict(policy)
