"""Improves a cover: classes that are larger than they must be lend rows to open better ones.

In: a cover. Out: one that is worth at least as much. A class of more than k rows can spare some; a
group of k rows that could show more is opened if what its rows gain outweighs what lent rows lose.
Rows that a class needs for its l values are never lent. Ties are settled by the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterflow.disclosure.encoding import Ints
from counterflow.disclosure.grouping import diverse, runs
from counterflow.disclosure.lattice import Cover, Coverage, Node, Problem


def borrow(coverage: Coverage, cover: Cover, nodes: Sequence[Node], passes: int) -> Cover:
    """`passes` rounds over `nodes`, or until a round moves nothing."""
    problem = coverage.problem
    order = sorted(nodes, key=lambda n: (-problem.value(n), -coverage.count[n], n))
    state = _State(problem, order, cover)
    for _ in range(passes):
        state.begin()
        if not sum(state.visit(place, coverage.rows(node)) for place, node in enumerate(order)):
            break
    return state.cover()


class _State:
    """Which class each row is in; classes are numbered, the last is that of withheld rows."""

    def __init__(self, problem: Problem, order: Sequence[Node], cover: Cover) -> None:
        self.problem = problem
        self.order = order
        self.values = np.array([*(problem.value(n) for n in order), -1], np.int64)
        self.masks = np.array([*(problem.mask(n) for n in order), 0], np.int64)
        self.node = np.full(len(problem.codes), len(order), np.int64)
        places = {node: place for place, node in enumerate(order)}
        for node, rows in cover.rows.items():
            self.node[rows] = places[node]

    def begin(self) -> None:
        """Number the classes anew, and mark the rows that each needs for its l values."""
        keys = self.problem.codes & self.masks[self.node]
        by_class = np.lexsort((keys, self.node))
        changed = np.r_[True, (np.diff(keys[by_class]) != 0) | (np.diff(self.node[by_class]) != 0)]
        self.group = np.empty(len(keys), np.int64)
        self.group[by_class] = np.cumsum(changed) - 1
        sizes = np.bincount(self.group)
        self.needed = np.zeros(len(keys), bool)
        for secret in self.problem.secrets:
            width = int(secret.max()) + 1
            pairs, first = np.unique(self.group * width + secret, return_index=True)
            starts, lengths = runs(pairs // width)
            rank = np.arange(len(pairs)) - np.repeat(starts, lengths)
            self.needed[first[rank < self.problem.l]] = True
        withheld = self.node == len(self.order)
        self.needed[withheld] = False
        held = np.bincount(self.group[self.needed], minlength=len(sizes))
        self.spare = sizes - np.maximum(self.problem.k, held)
        self.spare[self.group[withheld]] = len(keys)
        self.classes = len(sizes)

    def visit(self, place: int, covered: Ints) -> int:
        """Open and fill classes under one node; returns how many rows moved."""
        problem, k = self.problem, self.problem.k
        own = covered[self.node[covered] == place]
        rows = covered[(self.node[covered] != place) & ~self.needed[covered]]
        rows = rows[self.spare[self.group[rows]] > 0]
        gain = self.values[place] - self.values[self.node[rows]]
        if not (gain > 0).any():
            return 0
        mask = problem.mask(self.order[place])
        keys = problem.codes[rows] & mask
        # Only groups in which somebody would gain are looked at.
        wanted = np.unique(keys[gain > 0])
        inside = wanted[np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)] == keys
        rows, gain, keys = rows[inside], gain[inside], keys[inside]
        target = np.searchsorted(wanted, keys)
        # A class that is open already takes those who gain; a new one needs k rows.
        opened = np.full(len(wanted), -1, np.int64)
        if len(own):
            own_keys, first = np.unique(problem.codes[own] & mask, return_index=True)
            at = np.minimum(np.searchsorted(own_keys, wanted), len(own_keys) - 1)
            is_open = own_keys[at] == wanted
            opened[is_open] = self.group[own[first[at[is_open]]]]
        take = (gain > 0) | (opened[target] < 0)
        rows, gain, target = rows[take], gain[take], target[take]
        hoped = np.bincount(target, np.maximum(gain, 0) // 1000, len(wanted)).astype(np.int64)

        # No class lends more than it can spare: to the groups that hope for most.
        lender = self.group[rows]
        order = np.lexsort((rows, -gain, target, -hoped[target], lender))
        starts, lengths = runs(lender[order])
        rank = np.arange(len(order)) - np.repeat(starts, lengths)
        order = order[rank < self.spare[lender[order]]]
        rows, gain, target = rows[order], gain[order], target[order]

        # A new class takes all who gain and, up to k, those who lose least.
        order = np.lexsort((rows, -gain, target))
        rows, gain, target = rows[order], gain[order], target[order]
        starts, lengths = runs(target)
        rank = np.arange(len(order)) - np.repeat(starts, lengths)
        take = (gain > 0) | ((rank < k) & (opened[target] < 0))
        rows, gain, target = rows[take], gain[take], target[take]
        if not len(rows):
            return 0
        count = np.bincount(target, minlength=len(wanted))
        total = np.zeros(len(wanted), np.int64)
        np.add.at(total, target, gain)
        good = (total > 0) & ((opened >= 0) | (count >= k))
        if problem.secrets and problem.l > 1:
            varied = diverse(target, [s[rows] for s in problem.secrets], len(wanted), problem.l)
            good &= (opened >= 0) | varied
        take = good[target]
        rows, target = rows[take], target[take]
        if not len(rows):
            return 0
        np.subtract.at(self.spare, self.group[rows], 1)
        fresh = np.unique(target[opened[target] < 0])
        opened[fresh] = self.classes + np.arange(len(fresh))
        self.classes += len(fresh)
        self.spare = np.r_[
            self.spare, np.zeros(len(fresh), np.int64)
        ]  # lends from the next round on
        self.node[rows] = place
        self.group[rows] = opened[target]
        self.needed[rows] = True
        return len(rows)

    def cover(self) -> Cover:
        """The rows of each node."""
        return Cover(
            {
                node: rows
                for place, node in enumerate(self.order)
                if len(rows := np.flatnonzero(self.node == place))
            }
        )
