"""The rows of a release: classes of cases that are shown alike, and that stay together for ever.

In: the cases of tonight's warehouse, the classes of the release before and the microdata of all earlier
ones. Out: classes of at least k cases. A class is born whole, from cases that no release has shown; it
is shown again whole, never finer, or not at all. So who holds all releases, and could even tell which
rows are of one person, never sees fewer than k persons come, go or change. See docs/adr/0028.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from counterflow.disclosure import DisclosureRefused, anonymise
from counterflow.release.contents import SUPPRESSED, hierarchies
from counterflow.release.policy import ReleasePolicy

Pattern = tuple[str, ...]  # the released columns of a row


@dataclass(frozen=True, slots=True)
class Class:
    """Cases that are shown alike. One that is not shown has lost somebody, and is kept as a memory:
    its cases are in no later release, because the others would show who left.
    """

    number: int
    born: int  # the release that showed it first
    pattern: Pattern
    cases: frozenset[str]
    departures: int = 0
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Earlier:
    """The rows of an earlier release, counted. Its columns may be others than today's."""

    columns: tuple[str, ...]
    rows: Counter[Pattern]

    def beside(
        self, columns: Sequence[str], rows: Counter[Pattern]
    ) -> Iterator[tuple[set[Pattern], int, int]]:
        """For all that looks alike in the columns that both have: today's patterns, rows now, rows then."""
        common = [name for name in columns if name in self.columns]
        mine = [self.columns.index(name) for name in common]
        theirs = [columns.index(name) for name in common]
        then: Counter[Pattern] = Counter()
        for pattern, count in self.rows.items():
            then[tuple(pattern[i] for i in mine)] += count
        now: Counter[Pattern] = Counter()
        patterns: dict[Pattern, set[Pattern]] = defaultdict(set)
        for pattern, count in rows.items():
            short = tuple(pattern[i] for i in theirs)
            now[short] += count
            patterns[short].add(pattern)
        for short in now.keys() | then.keys():
            yield patterns[short], now[short], then[short]


@dataclass(frozen=True, slots=True)
class Rows:
    """The microdata of a release. `waiting` cases are in no class yet: the next release tries again."""

    columns: tuple[str, ...]
    classes: tuple[Class, ...]
    waiting: frozenset[str]
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def shown(self) -> tuple[Class, ...]:
        """Classes in this release."""
        return tuple(one for one in self.classes if one.is_shown)

    @property
    def table(self) -> pa.Table:
        """One row a case, ordered by content: the order tells nothing."""
        rows = sorted(row for one in self.shown for row in [one.pattern] * len(one.cases))
        return as_table(self.columns, rows)


def as_table(columns: Sequence[str], rows: Sequence[Pattern]) -> pa.Table:
    """Rows of text as an Arrow table."""
    listed = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {name: pa.array(list(v), pa.string()) for name, v in zip(columns, listed, strict=True)}
    )


def full_patterns(base: pa.Table, policy: ReleasePolicy) -> dict[str, Pattern]:
    """What each case's row would be if nothing were suppressed."""
    every = hierarchies()
    parts: list[list[Pattern]] = []
    for name, column in policy.columns.items():
        values = base[name].to_pylist()
        if column.coarsens is None:
            parts.append([(value,) for value in values])
            continue
        above = {
            v: (v, *(a or SUPPRESSED for a in every[column.coarsens].ancestors(v)))
            for v in set(values)
        }
        parts.append([above[value] for value in values])
    return {
        case: tuple(cell for part in row for cell in part)
        for case, row in zip(base["case_key"].to_pylist(), zip(*parts, strict=True), strict=True)
    }


def make(
    base: pa.Table,
    policy: ReleasePolicy,
    number: int,
    before: Sequence[Class] = (),
    earlier: Sequence[Earlier] = (),
) -> Rows:
    """The microdata of release `number`. `before` are the classes of the last release, `earlier` the rows of all."""
    full = full_patterns(base, policy)
    notes: Counter[str] = Counter()
    carried = carry(before, full, policy.k, notes)
    placed = {case for one in carried for case in one.cases}
    born = _born(base, policy, number, placed, max((c.number for c in carried), default=0))
    notes["classes born"] = len(born)
    classes = settle([*carried, *born], full, policy, number, earlier, notes)
    placed = {case for one in classes for case in one.cases}
    return Rows(policy.released(), tuple(classes), frozenset(full.keys() - placed), notes)


def recolumned(classes: Sequence[Class], then: Sequence[str], now: Sequence[str]) -> list[Class]:
    """Classes of a release with other columns, under today's: a new column shows nothing of them."""
    places = [then.index(name) if name in then else None for name in now]
    return [
        replace(one, pattern=tuple(SUPPRESSED if i is None else one.pattern[i] for i in places))
        for one in classes
    ]


def carry(
    before: Sequence[Class], full: Mapping[str, Pattern], k: int, notes: Counter[str]
) -> list[Class]:
    """The classes of the release before, as they may be shown now.

    A column that is no longer true of one of its cases is suppressed for the whole class. A class that
    lost some of its cases, but fewer than k, is shown no more: the difference would single them out.
    """
    carried = []
    for one in before:
        gone = one.cases - full.keys()
        cases = one.cases - gone
        departures = one.departures + len(gone)
        if one.is_shown and departures and not (departures >= k and len(cases) >= k):
            notes["classes that lost a case"] += 1
            carried.append(replace(one, cases=cases, departures=departures, is_shown=False))
            continue
        pattern = one.pattern
        for case in cases if one.is_shown else ():
            pattern = tuple(
                said if said == true else SUPPRESSED
                for said, true in zip(pattern, full[case], strict=True)
            )
        notes["cells of carried classes that became untrue"] += sum(
            a != b for a, b in zip(pattern, one.pattern, strict=True)
        )
        carried.append(
            replace(one, pattern=pattern, cases=cases, departures=0 if one.is_shown else departures)
        )
    return carried


def _born(
    base: pa.Table, policy: ReleasePolicy, number: int, placed: set[str], last: int
) -> list[Class]:
    keys = base["case_key"].to_pylist()
    pool = base.take(pa.array([i for i, key in enumerate(keys) if key not in placed], pa.int64()))
    if pool.num_rows < policy.k:
        return []  # too few to hide among: they wait
    try:
        made = anonymise(pool, list(policy.columns), [], policy.disclosure())
    except DisclosureRefused:
        return []
    listed = [made.table[name].to_pylist() for name in policy.released()]
    new = pool["case_key"].to_pylist()
    groups: dict[Pattern, list[str]] = defaultdict(list)
    for row, cells in zip(made.kept.tolist(), zip(*listed, strict=True), strict=True):
        groups[tuple(SUPPRESSED if cell is None else str(cell) for cell in cells)].append(new[row])
    blocks = [
        (pattern, block)
        for pattern, cases in sorted(groups.items())
        if any(cell != SUPPRESSED for cell in pattern)  # a row that shows nothing helps nobody
        for block in blocked(cases, policy.k)
    ]
    return [
        Class(last + place, number, pattern, frozenset(block))
        for place, (pattern, block) in enumerate(blocks, 1)
    ]


def blocked(cases: Sequence[str], k: int) -> list[list[str]]:
    """Cases that look alike, in as many parts of at least k as there can be: who leaves takes one part along.

    By the order of their keys, which are pseudonyms and tell nothing of the cases.
    """
    parts = len(cases) // k
    ordered = sorted(cases)
    return [ordered[part::parts] for part in range(parts)]


def settle(
    classes: Iterable[Class],
    full: Mapping[str, Pattern],
    policy: ReleasePolicy,
    number: int,
    earlier: Sequence[Earlier],
    notes: Counter[str],
) -> list[Class]:
    """Suppress and withhold until l holds and no earlier release can be differenced. Only ever shows less."""
    from counterflow.release.diversity import merge  # it needs the classes of this module

    settled = merge(list(classes), full, policy)
    while True:
        diverse = diversify(settled, full, policy, notes)
        kept = _undifferenced(diverse, policy, number, earlier, notes)
        if kept == settled:
            return settled
        settled = kept


def diversify(
    classes: Sequence[Class],
    full: Mapping[str, Pattern] | None,
    policy: ReleasePolicy,
    notes: Counter[str] | None = None,
) -> list[Class]:
    """Suppress a sensitive column where all who look alike in the other columns share one value of it.

    Both what is shown and, where `full` tells it, what is true must have l values; a column that is
    suppressed for all of them tells nothing and needs none.
    """
    columns = policy.released()
    names = set(policy.released(policy.sensitive))
    sensitive = [i for i, name in enumerate(columns) if name in names]
    known = [i for i, name in enumerate(columns) if name not in names]
    alike: dict[Pattern, list[int]] = defaultdict(list)
    for place, one in enumerate(classes):
        if one.is_shown:
            alike[tuple(one.pattern[i] for i in known)].append(place)
    made = list(classes)
    for places in alike.values():
        hidden = set()
        for i in sensitive:
            shown = {classes[p].pattern[i] for p in places}
            true = shown if full is None else {full[c][i] for p in places for c in classes[p].cases}
            if shown != {SUPPRESSED} and min(len(shown), len(true)) < policy.l:
                hidden.add(i)
        if hidden:
            for p in places:
                if notes is not None:
                    notes["sensitive cells suppressed for l"] += len(classes[p].cases) * sum(
                        classes[p].pattern[i] != SUPPRESSED for i in hidden
                    )
                pattern = tuple(
                    SUPPRESSED if i in hidden else cell for i, cell in enumerate(classes[p].pattern)
                )
                made[p] = replace(classes[p], pattern=pattern)
    return made


def difference_is_safe(new: int, old: int, k: int) -> bool:
    """Whether so many rows of one pattern now, and so many then, tell of no one or of k at least."""
    return new == old or abs(new - old) >= k


def _undifferenced(
    classes: Sequence[Class],
    policy: ReleasePolicy,
    number: int,
    earlier: Sequence[Earlier],
    notes: Counter[str],
) -> list[Class]:
    """Withhold what would differ from an earlier release by 1 to k - 1 rows that look alike."""
    rows: Counter[Pattern] = Counter()
    for one in classes:
        if one.is_shown:
            rows[one.pattern] += len(one.cases)
    columns = policy.released()
    bad = {
        pattern
        for old in earlier
        for patterns, now, then in old.beside(columns, rows)
        if not difference_is_safe(now, then, policy.k)
        for pattern in patterns
    }
    kept = []
    new = {one.pattern for one in classes if one.is_shown and one.born == number}
    for one in classes:
        if not one.is_shown or one.pattern not in bad:
            kept.append(one)
        elif one.born == number:
            notes["new cases that wait because of earlier releases"] += len(one.cases)
        elif one.pattern in new:
            kept.append(one)  # perhaps the new ones alone were too many: they go first
        else:
            notes["classes withheld because of earlier releases"] += 1
            kept.append(replace(one, is_shown=False))
    return kept
