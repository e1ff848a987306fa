"""The mask-lattice cover: every row is released under a generalisation that it shares with k - 1 others.

In: a `Problem`: one code a row, and what each level of each column is worth. Out: a `Cover`: for each
row the node it is released under. A node names a level for each column; its mask keeps the bits that
those levels show, so rows look the same under a node exactly if `code & mask` is equal.

Not every node is looked at. The search climbs from the node that shows nothing: only nodes one step
above a node that the last cover used are counted, and a node covers no row that a coarser one does not
(a-priori pruning). A cover takes nodes from those that show most to those that show least; rows that
stand in a group of k under the node, and are not released yet, are released under it. `borrowing.py`
then improves it.

Rows must come in an order that follows from their content: then so does the result.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterflow.disclosure.encoding import Ints
from counterflow.disclosure.grouping import in_safe_groups

Node = tuple[int, ...]
Bits = np.ndarray[Any, np.dtype[np.uint8]]

SAMPLE = 50_000
ENOUGH = 0.0002  # of what the cover is worth: a round that gains less is the last
LENT = 20_000_000  # rows that one round of borrowing may look at
WORK = 150_000_000  # rows grouped in one climb, per unit of effort
UNIT = 1_000_000  # worth is counted in millionths: whole numbers add up the same in every order


@dataclass(frozen=True)
class Problem:
    """`codes` and `secrets` have one number a row; `masks` and `worth` one a column and level.

    The last level of a column shows nothing, and is worth nothing.
    """

    codes: Ints
    secrets: tuple[Ints, ...]
    masks: tuple[tuple[int, ...], ...]
    worth: tuple[tuple[int, ...], ...]
    k: int
    l: int  # noqa: E741

    @property
    def nothing(self) -> Node:
        """The node that shows nothing."""
        return tuple(len(levels) - 1 for levels in self.masks)

    def mask(self, node: Node) -> int:
        """The bits of a code that the node shows."""
        return sum(m[level] for m, level in zip(self.masks, node, strict=True))

    def value(self, node: Node) -> int:
        """What a row released under the node is worth."""
        return sum(w[level] for w, level in zip(self.worth, node, strict=True))

    def safe(self, rows: Ints, node: Node) -> Ints:
        """Those of `rows` that stand in a safe group of `rows` under the node."""
        keys = self.codes[rows] & self.mask(node)
        return rows[in_safe_groups(keys, [s[rows] for s in self.secrets], self.k, self.l)]

    def part(self, rows: Ints, k: int, l: int) -> Problem:  # noqa: E741
        """The same problem for some of the rows."""
        secrets = tuple(s[rows] for s in self.secrets)
        return Problem(self.codes[rows], secrets, self.masks, self.worth, k, l)


@dataclass(frozen=True)
class Cover:
    """The rows released under each node; a row is in one of them or withheld."""

    rows: dict[Node, Ints]

    def value(self, problem: Problem) -> int:
        """What all released rows are worth."""
        return sum(problem.value(node) * len(rows) for node, rows in self.rows.items())


class Coverage:
    """By node the rows in its safe groups, as bits; nodes that cover nothing are known to be empty."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.problem = problem
        self.threads = threads
        self.size = len(problem.codes)
        self.bits: dict[Node, Bits] = {problem.nothing: self._packed(np.arange(self.size))}
        self.count: dict[Node, int] = {problem.nothing: self.size}
        self.empty: set[Node] = set()
        self.work = 0  # rows grouped so far

    def rows(self, node: Node, among: Bits | None = None) -> Ints:
        """The rows that the node covers (of those in `among`)."""
        bits = self.bits[node] if among is None else self.bits[node] & among
        return np.flatnonzero(np.unpackbits(bits, count=self.size))

    def add(self, nodes: Iterable[Node]) -> list[Node]:
        """Count the nodes that are not known yet; returns those that cover something."""
        wanted = [n for n in sorted(set(nodes)) if n not in self.bits and n not in self.empty]
        among = [(node, self._bound(node)) for node in wanted]
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(self._count, among))
        for node, bits, count, looked_at in found:
            self.work += looked_at
            if count:
                self.bits[node], self.count[node] = bits, count
            else:
                self.empty.add(node)
        return [node for node in wanted if node in self.bits]

    def _bound(self, node: Node) -> Bits | None:
        """The rows that every known coarser node covers; None if one of them covers nothing."""
        bits = None
        for coarser in _coarser(node, self.problem.nothing):
            if coarser in self.empty:
                return None
            if coarser in self.bits:
                bits = self.bits[coarser] if bits is None else bits & self.bits[coarser]
        return self.bits[self.problem.nothing] if bits is None else bits

    def _count(self, asked: tuple[Node, Bits | None]) -> tuple[Node, Bits, int, int]:
        """(node, the rows it covers, how many, how many were looked at); runs in a thread."""
        node, among = asked
        if among is None:
            return node, np.empty(0, np.uint8), 0, 0
        rows = np.flatnonzero(np.unpackbits(among, count=self.size))
        if len(rows) < self.problem.k:
            return node, among, 0, 0
        safe = self.problem.safe(rows, node)
        return node, self._packed(safe), len(safe), len(rows)

    def _packed(self, rows: Ints) -> Bits:
        flags = np.zeros(self.size, bool)
        flags[rows] = True
        return np.packbits(flags)


def climb(
    coverage: Coverage, start: Iterable[Node], rounds: int, work: int
) -> tuple[Cover, list[Node]]:
    """Cover, look at the nodes one step above those that were used, cover again, until nothing is new.

    Returns the last cover and all nodes that were found to cover something. Ends after `rounds`,
    when `work` rows have been grouped, or when a round gains next to nothing.
    """
    problem = coverage.problem
    known = {problem.nothing, *coverage.add(start)}
    cover = greedy(coverage, known)
    # Columns wholly shown or hidden first: few nodes, and most of what can be gained.
    for levels in ("whole", "each"):
        for _ in range(rounds):
            fresh: set[Node] = set()
            for node in sorted(cover.rows, key=lambda n: (-len(cover.rows[n]), n)):
                fresh |= set(coverage.add(_finer(problem, node, levels == "whole"))) - known
                if coverage.work > work:
                    break
            if not fresh:
                break
            known |= fresh
            before, cover = cover.value(problem), greedy(coverage, known)
            gained = cover.value(problem) - before
            if coverage.work > work or 0 <= gained < ENOUGH * cover.value(problem):
                break
    return cover, sorted(known)


def greedy(coverage: Coverage, nodes: Collection[Node]) -> Cover:
    """Release rows under the node that shows most, then the next.

    Among nodes that show about as much, the one that takes most of the rows goes first: fewer rows
    are stranded. How much it takes is counted only when its turn comes (it can only have fallen).
    """
    problem = coverage.problem
    size, whole = coverage.size, sum(worth[0] for worth in problem.worth) // len(problem.worth)

    values = {node: problem.value(node) for node in nodes}

    def rank(node: Node, rows: int) -> int:
        return -(values[node] + whole * rows // max(size, 1))

    heap = [(rank(node, coverage.count[node]), node) for node in nodes]
    heapq.heapify(heap)
    alive = coverage._packed(np.arange(size))
    taken: dict[Node, Ints] = {}
    left = size
    while heap and left >= problem.k:
        _, node = heapq.heappop(heap)
        most = int(np.bitwise_count(coverage.bits[node] & alive).sum(dtype=np.int64))
        if most < problem.k:
            continue
        if heap and rank(node, most) > heap[0][0]:
            heapq.heappush(heap, (rank(node, most), node))
            continue
        rows = problem.safe(coverage.rows(node, alive), node)
        if not len(rows):
            continue
        if heap and rank(node, len(rows)) > heap[0][0]:
            heapq.heappush(heap, (rank(node, len(rows)), node))
            continue
        taken[node] = rows
        alive &= ~coverage._packed(rows)
        left -= len(rows)
    return Cover(taken)


def _finer(problem: Problem, node: Node, whole: bool) -> Iterator[Node]:
    """Nodes that show one column better: `whole`, or on any level. Levels that look alike are one."""
    for place, level in enumerate(node):
        masks = problem.masks[place]
        for finer in range(min(level, 1) if whole else level):
            if masks[finer] != masks[finer + 1]:
                yield (*node[:place], finer, *node[place + 1 :])


def _coarser(node: Node, nothing: Node) -> Iterator[Node]:
    """Nodes that show one column less well."""
    for place, level in enumerate(node):
        for coarser in range(level + 1, nothing[place] + 1):
            yield (*node[:place], coarser, *node[place + 1 :])


def spread(problem: Problem, rows: int) -> Ints:
    """About `rows` rows, chosen by a hash of their code, so that the choice follows from content."""
    mixed = problem.codes.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    bound = int(rows / len(problem.codes) * 2**64)
    return np.flatnonzero(mixed < np.uint64(min(bound, 2**64 - 1)))


def cover(problem: Problem, *, effort: int = 2, threads: int = 2) -> Cover:
    """The best cover that the effort finds. Large tables are first searched in a sample of their rows."""
    from counterflow.disclosure.borrowing import borrow

    size = len(problem.codes)
    start: Sequence[Node] = ()
    if size > 2 * SAMPLE:
        few = max(SAMPLE, -(-2 * size // problem.k))
        k = max(2, -(-problem.k * few // size))
        tried, _ = climb(Coverage(problem.part(spread(problem, few), k, 1), threads), (), 99, WORK)
        start = sorted(tried.rows)
    coverage = Coverage(problem, threads)
    found, known = climb(coverage, start, 99 if not start else 3, WORK * max(effort, 1))
    return borrow(coverage, found, _worth_a_visit(coverage, found, known), effort)


def _worth_a_visit(coverage: Coverage, found: Cover, known: Iterable[Node]) -> list[Node]:
    """The nodes that are used, then those that cover most, as far as the work goes."""
    order = sorted(known, key=lambda n: (n not in found.rows, -coverage.count[n], n))
    sizes = np.cumsum([coverage.count[node] for node in order])
    return order[: max(len(found.rows), int(np.searchsorted(sizes, LENT)))]
