"""Diversity at the least cost: classes that would give a secret away are made to look like others.

In: classes, and what is true of their cases. Out: the same classes, some of them coarser in what an outsider may
know, so that those who look alike to him have different values of a sensitive column. Where no merging is worth
its price the column is suppressed afterwards (`microdata.diversify`). Nothing is ever shown that was not before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from counterflow.release.contents import SUPPRESSED
from counterflow.release.microdata import Class, Pattern
from counterflow.release.policy import ReleasePolicy

Array = np.ndarray[Any, Any]


def merge(
    classes: Sequence[Class], full: Mapping[str, Pattern], policy: ReleasePolicy
) -> list[Class]:
    """Suppress what is known of classes, two groups at a time, while that saves more than it costs.

    A cell costs its column's weight, shared among the levels that the column is shown at.
    """
    columns = policy.released()
    secret = set(policy.released(policy.sensitive))
    known = [i for i, name in enumerate(columns) if name not in secret]
    hidden = [i for i, name in enumerate(columns) if name in secret]
    shown = [place for place, one in enumerate(classes) if one.is_shown]
    if not hidden or not known or not shown:
        return list(classes)
    price = {level: said.weight / len(policy.levels(name)) for name, said in policy.columns.items() for level in policy.levels(name)}  # fmt: skip
    state = _State(
        [tuple(classes[p].pattern[i] for i in known) for p in shown],
        [tuple(classes[p].pattern[i] for i in hidden) for p in shown],
        [{tuple(full[c][i] for i in hidden) for c in classes[p].cases} for p in shown],
        [len(classes[p].cases) for p in shown],
        np.array([price[columns[i]] for i in known]),
        np.array([price[columns[i]] for i in hidden]),
        policy.l,
    )
    state.run()
    made = list(classes)
    for place, pattern in zip(shown, state.patterns(), strict=True):
        cells = list(classes[place].pattern)
        for i, cell in zip(known, pattern, strict=True):
            cells[i] = cell
        made[place] = replace(classes[place], pattern=tuple(cells))
    return made


class _State:
    """Groups of classes that look alike to an outsider; bits stand for the values of a sensitive column."""

    def __init__(
        self,
        known: list[Pattern],
        hidden: list[Pattern],
        true: list[set[Pattern]],
        rows: list[int],
        known_price: Array,
        hidden_price: Array,
        diversity: int,
    ) -> None:
        self.words: dict[str, int] = {SUPPRESSED: 0}
        places: dict[Pattern, list[int]] = defaultdict(list)
        for place, pattern in enumerate(known):
            places[pattern].append(place)
        self.members = list(places.values())
        self.known = np.array(
            [[self.words.setdefault(v, len(self.words)) for v in p] for p in places], np.int64
        )
        self.names = list(self.words)
        bits: list[dict[str, int]] = [{SUPPRESSED: 0} for _ in hidden_price]

        def mask(column: int, values: set[str]) -> int:
            seen = bits[column]
            # more than 63 values of one column: the rest share a bit, and count as one
            return sum(1 << b for b in {min(seen.setdefault(v, len(seen)), 62) for v in values})

        columns = range(len(hidden_price))
        self.said = np.array(
            [[mask(j, {hidden[m][j] for m in ms}) for j in columns] for ms in self.members],
            np.int64,
        )
        self.true = np.array(
            [
                [mask(j, {t[j] for m in ms for t in true[m]}) for j in columns]
                for ms in self.members
            ],
            np.int64,
        )
        self.rows = np.array([sum(rows[m] for m in ms) for ms in self.members], np.int64)
        self.known_price, self.hidden_price, self.diversity = known_price, hidden_price, diversity
        self.alive = np.ones(len(self.members), bool)
        self.classes = len(known)

    def _price(self, said: Array, true: Array, rows: Array) -> Array:
        """What suppressing would cost each of these groups."""
        counts = np.minimum(np.bitwise_count(said), np.bitwise_count(true))
        short = (said != 1) & (counts < self.diversity)
        found: Array = (short * self.hidden_price).sum(axis=-1) * rows
        return found

    def run(self) -> None:
        """Merge the dearest group with whatever saves most, until nothing saves."""
        price = self._price(self.said, self.true, self.rows)
        tried = np.zeros(len(price), bool)
        while True:
            waiting = np.where(self.alive & ~tried, price, 0.0)
            one = int(waiting.argmax())
            if waiting[one] <= 0:
                return
            differ = self.known != self.known[one]
            lost = (differ & (self.known[one] != 0)) @ self.known_price * self.rows[one]
            lost = lost + (differ & (self.known != 0)) @ self.known_price * self.rows
            rows = self.rows + self.rows[one]
            after = self._price(self.said | self.said[one], self.true | self.true[one], rows)
            saved = price[one] + price - lost - after
            saved[~self.alive] = -1.0
            saved[one] = -1.0
            other = int(saved.argmax())
            if saved[other] <= 0:
                tried[one] = True
                continue
            self._join(one, other)
            price[one] = self._price(self.said[one], self.true[one], self.rows[one])
            tried[one] = False
            alike = self.alive & (self.known == self.known[one]).all(axis=1)
            alike[one] = False
            for third in np.flatnonzero(alike):  # it came to look like a third
                self._join(one, int(third))
                price[one] = self._price(self.said[one], self.true[one], self.rows[one])

    def _join(self, one: int, other: int) -> None:
        self.known[one][self.known[one] != self.known[other]] = 0
        self.said[one] |= self.said[other]
        self.true[one] |= self.true[other]
        self.rows[one] += self.rows[other]
        self.members[one] = self.members[one] + self.members[other]
        self.alive[other] = False

    def patterns(self) -> list[Pattern]:
        """What each class shows of what is known, by its place."""
        found: list[Pattern] = [()] * self.classes
        for group in np.flatnonzero(self.alive):
            pattern = tuple(self.names[v] for v in self.known[group])
            for place in self.members[group]:
                found[place] = pattern
        return found
