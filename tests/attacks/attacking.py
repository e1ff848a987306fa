"""The means of an attacker: what he knows of a person, and tables that he holds.

In: tables of cases (one row a case) and of released rows. Out: whom he finds, what he learns. Nothing in
here uses the code that protects: an attacker has only what was published.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Levels = Mapping[str, Sequence[str]]  # column → its released columns, fine to coarse
Coarser = Callable[[str, str, Any], Any]  # released column, column, value → what stands there


def rows(table: pa.Table) -> list[Row]:
    """The table row by row."""
    found: list[Row] = table.to_pylist()
    return found


def unique_share(table: Sequence[Row], known: Sequence[str]) -> float:
    """Share of rows that nobody else is like in the attributes `known`."""
    counts = Counter(tuple(row[name] for name in known) for row in table)
    return sum(count == 1 for count in counts.values()) / len(table)


@dataclass(frozen=True, slots=True)
class Linked:
    """What linking a person of whom some attributes are known to a release gives."""

    candidates: int
    values: frozenset[Any]  # of the sensitive attribute, among the candidates


def link(
    person: Row,
    released: Sequence[Row],
    known: Sequence[str],
    levels: Levels,
    coarser: Coarser,
    secret: str,
) -> Linked:
    """The released rows that can be the person: each filled cell is what the person would have there."""
    wanted = {
        column: coarser(column, name, person[name]) for name in known for column in levels[name]
    }
    fitting = [
        row
        for row in released
        if all(row[column] is None or row[column] == value for column, value in wanted.items())
        and any(row[column] is not None for column in wanted)
    ]
    return Linked(len(fitting), frozenset(row[secret] for row in fitting))


def homogeneous(
    table: Sequence[Row], known: Sequence[str], secret: str, at_least: int = 2
) -> list[Any]:
    """For each row in a group of one value of `secret`: that value, which is then known of it."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in table:
        groups.setdefault(tuple(row[name] for name in known), []).append(row[secret])
    return [
        value
        for values in groups.values()
        if len(values) >= at_least and len(set(values)) == 1
        for value in values
    ]


def predicates(
    table: Sequence[Row], columns: Sequence[str], number: int, seed: int, most: int = 6
) -> Iterator[Row]:
    """Guesses that single somebody out: rare values, and what some row holds in a few columns."""
    rng = random.Random(seed)
    for column in columns:
        counts = Counter(row[column] for row in table if row[column] is not None)
        yield from (
            {column: value} for value, count in counts.items() if count == min(counts.values())
        )
    for _ in range(number):
        row = rng.choice(table)
        filled = [name for name in columns if row[name] is not None]
        if filled:
            chosen = rng.sample(filled, min(len(filled), rng.randint(2, most)))
            yield {name: row[name] for name in chosen}


def satisfying(predicate: Row, people: Sequence[Row]) -> int:
    """How many people a predicate fits."""
    return sum(all(person[name] == value for name, value in predicate.items()) for person in people)


def difference(before: Sequence[Any], after: Sequence[Any]) -> Counter[Any]:
    """What came (positive) and went (negative) between two tables whose rows have no names."""
    changed = Counter(after)
    changed.subtract(Counter(before))
    return Counter({row: count for row, count in changed.items() if count})
