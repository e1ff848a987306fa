"""Counts that may be published side by side, and what an outsider can do with them."""

from __future__ import annotations

import functools
import itertools
import operator
import random
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from counterflow.disclosure import DisclosureRefused, ProtectedTable, TableSpec, protect
from counterflow.disclosure.auditing import POSSIBLE
from counterflow.disclosure.tables import (
    PERTURBATION_VERSION,
    PERTURBATIONS,
    perturbation,
    record_key,
)

KEY = b"a key of a release, for tests only"
REACH = {"cell_key": 5, "rounding": 2}
METHODS = ("cell_key", "rounding")
SPECS = (
    TableSpec("profile", ("year", "gender", "age")),
    TableSpec("minors", ("year", "is_minor")),
    TableSpec("routes", ("citizenship", "gender")),
    TableSpec("women", ("age",), {"gender": "feminine"}),
)
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Key = frozenset[tuple[str, Any]]


@st.composite
def records(draw: st.DrawFn) -> pa.Table:
    """20 to 600 contributors; some cells are large, some have one person."""
    size = draw(st.integers(20, 600))
    dice = random.Random(draw(st.integers(0, 2**32)))
    skew = draw(st.sampled_from([0.5, 1.5, 3.0]))

    def some(values: list[Any]) -> list[Any]:
        return dice.choices(
            values, [1 / (place + 1) ** skew for place in range(len(values))], k=size
        )

    age = some(["18-20", "21-23", "9-17", "0-8"])
    return pa.table(
        {
            "case_key": [f"{dice.getrandbits(128):032x}" for _ in range(size)],
            "year": some([2008, 2009, 2010]),
            "gender": some(["feminine", "masculine", "other"]),
            "age": age,
            "is_minor": ["yes" if band in ("9-17", "0-8") else "no" for band in age],
            "citizenship": pa.array(some(["MDA", "UKR", None, "IDN"]), pa.string()),
        }
    )


def cells(made: list[ProtectedTable]) -> Iterator[tuple[Key, int | None]]:
    """Every cell of every table by its conditions."""
    for protected in made:
        for row in protected.table.to_pylist():
            key = dict(protected.spec.where)
            key |= {d: row[d] for d in protected.spec.dimensions if not row[f"{d}_is_total"]}
            yield frozenset(key.items()), row["count"]


def people(table: pa.Table, key: Key) -> frozenset[str]:
    """Who is in a cell, found by looking at everybody."""
    return frozenset(
        row["case_key"] for row in table.to_pylist() if all(row[c] == v for c, v in key)
    )


@pytest.mark.parametrize("method", METHODS)
@few
@given(table=records())
def test_no_count_is_small_and_the_same_cell_is_the_same_everywhere(
    method: Any, table: pa.Table
) -> None:
    seen: dict[Key, int | None] = {}
    by_members: dict[frozenset[str], set[int]] = {}
    for key, count in cells(protect(table, SPECS, method, KEY)):
        assert seen.setdefault(key, count) == count
        members = people(table, key)
        if count is not None:
            assert count >= 11
            assert len(members) >= 11
            assert abs(count - len(members)) <= REACH[method]
            by_members.setdefault(members, set()).add(count)
            if method == "rounding":
                assert count % 5 == 0
    # The same contributors have the same count, in whatever words they are described.
    assert all(len(counts) == 1 for counts in by_members.values())


def differences(
    table: pa.Table, published: dict[Key, int], reach: int
) -> Iterator[tuple[int, range]]:
    """(true size, sizes that an outsider must think possible) of what is left between two cells of
    which one is part of the other: found from the persons themselves, not from the words."""
    members = {key: people(table, key) for key in published}
    for whole, part in itertools.permutations(published, 2):
        if members[part] < members[whole] and len(members[whole] - members[part]) <= 10:
            said = published[whole] - published[part]
            yield (
                len(members[whole] - members[part]),
                range(max(1, said - 2 * reach), said + 2 * reach + 1),
            )


@pytest.mark.parametrize("method", METHODS)
@few
@given(table=records())
def test_no_two_published_cells_give_a_small_group_away(method: Any, table: pa.Table) -> None:
    published = {k: c for k, c in cells(protect(table, SPECS, method, KEY)) if c is not None}
    for true, possible in differences(table, published, REACH[method]):
        assert true in possible
        assert len(possible) >= POSSIBLE


def small_cells_only_hidden(table: pa.Table) -> dict[Key, int]:
    """The positive control: counts as they are, those below 11 left out."""
    made = protect(table, SPECS, "rounding", KEY)
    true = {key: len(people(table, key)) for key, _ in cells(made)}
    return {key: count for key, count in true.items() if count >= 11}


def example(size: int = 400) -> pa.Table:
    dice = random.Random(5)
    age = dice.choices(["18-20", "21-23", "9-17", "0-8"], [60, 30, 8, 2], k=size)
    return pa.table(
        {
            "case_key": [f"{dice.getrandbits(128):032x}" for _ in range(size)],
            "year": dice.choices([2008, 2009, 2010], [5, 4, 1], k=size),
            "gender": dice.choices(["feminine", "masculine", "other"], [30, 9, 1], k=size),
            "age": age,
            "is_minor": ["yes" if band in ("9-17", "0-8") else "no" for band in age],
            "citizenship": dice.choices(["MDA", "UKR", "IDN", "KHM"], [50, 30, 5, 1], k=size),
        }
    )


def test_differencing_succeeds_on_unprotected_counts() -> None:
    found = list(differences(example(), small_cells_only_hidden(example()), 0))
    assert sum(len(possible) == 1 for _, possible in found) >= 10
    assert all(possible[0] == true for true, possible in found)


def bounded(
    table: pa.Table, published: dict[Key, int], names: tuple[str, ...], reach: int
) -> Iterator[tuple[int, int, int]]:
    """(true, least, most) of every unpublished cell of one table that somebody is in, by linear
    programming: an attack that knows all sums and which cells are empty."""
    micro = sorted({tuple((n, row[n]) for n in names) for row in table.to_pylist()}, key=str)
    rows, bounds = [], []
    targets = []
    for size in range(len(names) + 1):
        for some in itertools.combinations(names, size):
            for key in {frozenset(c for c in cell if c[0] in some) for cell in micro}:
                row = np.array([1.0 if key <= set(cell) else 0.0 for cell in micro])
                if key in published:
                    rows += [row, -row]
                    bounds += [published[key] + reach, -(max(11, published[key] - reach))]
                else:
                    true = len(people(table, key))
                    if true <= 10:
                        rows.append(row)
                        bounds.append(10 + reach)
                        targets.append((true, row))
    for true, row in targets:
        least, most = (
            linprog(sign * row, A_ub=np.array(rows), b_ub=np.array(bounds), bounds=(1, None))
            for sign in (1, -1)
        )
        yield true, int(np.ceil(least.fun - 1e-6)), int(np.floor(-most.fun + 1e-6))


@pytest.mark.parametrize("method", METHODS)
@settings(few, max_examples=5)
@given(table=records())
def test_linear_programming_does_not_find_a_small_cell(method: Any, table: pa.Table) -> None:
    published = {k: c for k, c in cells(protect(table, SPECS, method, KEY)) if c is not None}
    for names in (("year", "gender", "age"), ("citizenship", "gender")):
        for true, least, most in bounded(table, published, names, REACH[method]):
            assert least <= true <= most
            assert most - max(least, 1) + 1 >= POSSIBLE


def test_linear_programming_finds_small_cells_of_unprotected_counts() -> None:
    published = small_cells_only_hidden(example())
    found = list(bounded(example(), published, ("year", "gender"), 0))
    assert any(least == most == true for true, least, most in found)


def test_the_perturbation_is_what_its_version_says() -> None:
    """A version is never changed: releases made with it must be reproducible."""
    assert PERTURBATION_VERSION == 1
    assert len(PERTURBATIONS) == 256
    assert sum(PERTURBATIONS) == 0
    assert round(statistics.pvariance(PERTURBATIONS), 2) == 5.04
    assert max(PERTURBATIONS) == -min(PERTURBATIONS) == 5
    drawn = [perturbation(record_key(str(i), KEY), KEY) for i in range(20_000)]
    assert abs(statistics.mean(drawn)) < 0.06
    assert abs(statistics.pvariance(drawn) - 5.04) < 0.25


def test_another_key_is_another_noise() -> None:
    one, two = (dict(cells(protect(example(), SPECS, "cell_key", key))) for key in (KEY, b"x" * 32))
    assert one != two
    assert one == dict(cells(protect(example(), SPECS, "cell_key", KEY)))


def test_the_order_of_records_changes_nothing() -> None:
    table = example()
    mixed = table.take(pa.array(np.random.default_rng(1).permutation(table.num_rows)))
    one, two = (protect(t, SPECS, "cell_key", KEY) for t in (table, mixed))
    assert all(a.table.equals(b.table) for a, b in zip(one, two, strict=True))


def test_a_contributor_counts_once_in_a_cell() -> None:
    table = example(200)
    twice = pa.concat_tables([table, table])
    one, two = (protect(t, SPECS, "cell_key", KEY) for t in (table, twice))
    assert all(a.table.equals(b.table) for a, b in zip(one, two, strict=True))


def test_what_is_empty_and_what_is_small_look_the_same() -> None:
    table = example().filter(pa.compute.field("age") != "0-8")
    made = protect(table, [TableSpec("t", ("gender", "age"))], "cell_key", KEY)[0]
    rows = {(r["gender"], r["age"]): r["count"] for r in made.table.to_pylist()}
    assert ("other", "9-17") not in rows or rows["other", "9-17"] is None
    assert made.withheld == sum(count is None for count in rows.values())
    # A value that fewer than the minimum share is not named at all.
    assert all(age != "0-8" for _, age in rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minimum": 10}, "below the floor"),
        ({"key": b"short"}, "too short"),
        ({"method": "hope"}, "no method hope"),
        ({"tables": [TableSpec("t", ("shoe_size",))]}, "no column shoe_size"),
        ({"contributor": "citizenship"}, "have no citizenship"),
    ],
)
def test_a_wrong_question_is_refused(change: dict[str, Any], said: str) -> None:
    table = example(50).set_column(5, "citizenship", pa.nulls(50, pa.string()))
    asked: dict[str, Any] = {"tables": SPECS, "method": "cell_key", "key": KEY} | change
    with pytest.raises(DisclosureRefused, match=said):
        protect(table, asked.pop("tables"), asked.pop("method"), asked.pop("key"), **asked)


def test_a_part_in_other_words_is_a_part() -> None:
    """All minors but one are 9 to 17: where noise would say that hardly anybody is left, one count goes."""
    ages = ["9-17"] * 40 + ["0-8"] + ["18-20"] * 60
    names = [f"{i:032x}" for i in range(len(ages))]
    table = pa.table(
        {
            "case_key": names,
            "age": ages,
            "is_minor": ["yes" if age in ("9-17", "0-8") else "no" for age in ages],
        }
    )

    def noise(people: list[str], key: bytes) -> int:
        return perturbation(
            functools.reduce(operator.xor, (record_key(p, key) for p in people)), key
        )

    keys = (b"%032d" % number for number in range(5000))
    key = next(k for k in keys if 1 + noise(names[:41], k) - noise(names[:40], k) <= -7)
    specs = [TableSpec("minors", ("is_minor",)), TableSpec("ages", ("age",))]
    shown = dict(cells(protect(table, specs, "cell_key", key)))
    minors, older = frozenset({("is_minor", "yes")}), frozenset({("age", "9-17")})
    assert shown.get(minors) is None or shown.get(older) is None
