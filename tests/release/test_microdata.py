"""The rows of releases, over many of them: nobody who holds all can see fewer than k persons come, go or change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.disclosure import check
from counterflow.release import microdata
from counterflow.release.contents import SUPPRESSED
from counterflow.release.gates import homogeneous, rows_of
from counterflow.release.microdata import Class, Earlier, blocked, diversify, make
from tests.release.world import key, small

POLICY = replace(
    small(),
    columns={n: small().columns[n] for n in ("registration_year", "gender", "is_sexual_exploitation")},
)  # fmt: skip
OPEN = replace(  # the control: nothing is declared sensitive
    POLICY, columns={n: replace(c, sensitive=False) for n, c in POLICY.columns.items()}
)
K = POLICY.k
Cases = dict[int, tuple[str, str, str]]


def a_case(number: int, draw: int = 0) -> tuple[str, str, str]:
    dice = np.random.default_rng((number, draw))
    return (
        str(dice.choice(["2008", "2009", "2010"])),
        str(dice.choice(["feminine", "masculine"], p=[0.8, 0.2])),
        str(dice.choice(["yes", "no", "unknown"], p=[0.6, 0.3, 0.1])),
    )


def base(cases: Cases) -> pa.Table:
    numbers = sorted(cases)
    listed = list(zip(*(cases[n] for n in numbers), strict=True)) or [(), (), ()]
    return pa.table(
        {"case_key": [key(n) for n in numbers]}
        | {c: pa.array(v, pa.string()) for c, v in zip(POLICY.columns, listed, strict=True)}
    )


def released(nights: list[Cases]) -> list[microdata.Rows]:
    """A release a night, each knowing those before it."""
    made: list[microdata.Rows] = []
    for place, cases in enumerate(nights, 1):
        earlier = [Earlier(one.columns, rows_of(one.table)) for one in made]
        before = made[-1].classes if made else ()
        made.append(make(base(cases), POLICY, place, before, earlier))
    return made


@st.composite
def _nights(draw: st.DrawFn) -> list[Cases]:
    cases: Cases = {n: a_case(n) for n in range(draw(st.integers(0, 160)))}
    nights = [dict(cases)]
    for place in range(1, draw(st.integers(2, 4))):
        for number in draw(st.lists(st.integers(0, 200), max_size=25)):
            cases.pop(number, None)
        for number in draw(st.lists(st.integers(0, 200), max_size=6)):
            if number in cases:
                cases[number] = a_case(number, place)
        come = draw(st.sampled_from([0, 1, 5, 10, 11, 12, 40]))
        cases |= {n: a_case(n) for n in range(300 * place, 300 * place + come)}
        nights.append(dict(cases))
    return nights


@settings(max_examples=20)
@given(_nights())
def test_no_release_and_no_difference_shows_fewer_than_k(nights: list[Cases]) -> None:
    made = released(nights)
    for one, cases in zip(made, nights, strict=True):
        table = one.table
        assert check(table, table.column_names).holds(K, 1)
        assert not any(homogeneous(table, POLICY).values())
        full = microdata.full_patterns(base(cases), POLICY)
        for cluster in one.shown:  # what is shown is true of every case that it is shown of
            for case in cluster.cases:
                pairs = zip(cluster.pattern, full[case], strict=True)
                assert all(said in (SUPPRESSED, true) for said, true in pairs)
    for later in range(len(made)):
        for earlier in range(later):
            then, now = rows_of(made[earlier].table), rows_of(made[later].table)
            for pattern in then.keys() | now.keys():
                difference = now[pattern] - then[pattern]
                assert difference == 0 or abs(difference) >= K


@settings(max_examples=10)
@given(_nights())
def test_even_who_could_tell_the_rows_apart_sees_no_one(nights: list[Cases]) -> None:
    """The strongest reader: he knows which rows of all releases are one person's."""
    made = released(nights)
    paths: Counter[tuple[Any, ...]] = Counter()
    where = [{c: one.pattern for one in rows.shown for c in one.cases} for rows in made]
    for case in {case for release in where for case in release}:
        paths[tuple(release.get(case) for release in where)] += 1
    assert all(count >= K for count in paths.values())


def test_the_attack_succeeds_on_releases_that_do_not_know_each_other() -> None:
    """The positive control: the same cases, each release made alone."""
    first = {n: a_case(n) for n in range(400)}
    second = {n: case for n, case in first.items() if n != 3} | {500: a_case(500)}
    alone = [make(base(cases), OPEN, 1) for cases in (first, second)]
    then, now = (rows_of(rows.table) for rows in alone)
    differences = {abs(now[p] - then[p]) for p in then.keys() | now.keys()} - {0}
    assert min(differences) < K
    known = released([first, second])
    then, now = (rows_of(rows.table) for rows in known)
    assert all(abs(now[p] - then[p]) >= K for p in then.keys() | now.keys() if now[p] != then[p])


def test_one_who_leaves_takes_along_k_to_2k() -> None:
    first = {n: a_case(n) for n in range(150)}
    before, after = released([first, {n: case for n, case in first.items() if n != 3}])
    lost = before.table.num_rows - after.table.num_rows
    assert K <= lost < 2 * K
    held = [one for one in after.classes if not one.is_shown]
    assert [one.departures for one in held] == [1]
    again = released([first, {n: c for n, c in first.items() if n != 3}, first])[-1]
    assert again.table.num_rows == after.table.num_rows  # who came back would show who had left


def test_fewer_than_k_newcomers_wait_for_others() -> None:
    first = {n: a_case(n) for n in range(150)}
    some = first | {500 + n: a_case(1) for n in range(K - 1)}
    more = first | {500 + n: a_case(1) for n in range(K + 3)}
    made = released([first, some, more])
    assert made[1].table == made[0].table
    assert {key(500 + n) for n in range(K - 1)} <= made[1].waiting
    assert made[2].table.num_rows == made[0].table.num_rows + K + 3


def test_what_becomes_untrue_of_one_is_suppressed_for_all_who_look_like_him() -> None:
    first = {n: ("2009", "feminine", "yes" if n < 60 else "no") for n in range(120)}
    before, after = released([first, first | {3: ("2010", "feminine", "yes")}])
    changed = next(one for one in after.classes if key(3) in one.cases)
    year = before.columns.index("registration_year")
    assert changed.pattern[year] == SUPPRESSED
    assert changed.pattern[year + 1] == "2008-2010"  # that is true of her still
    assert len(changed.cases) >= K
    assert before.table.num_rows == after.table.num_rows


def test_a_class_gives_no_secret_away() -> None:
    """All women of a year share one answer; the men do not."""
    cases: Cases = dict.fromkeys(range(30), ("2009", "feminine", "yes"))
    cases |= {100 + n: ("2009", "masculine", "yes" if n < 15 else "no") for n in range(30)}
    table = released([cases])[0].table
    assert not any(homogeneous(table, POLICY).values())
    # the control: what is shown when nothing is declared sensitive
    assert any(homogeneous(make(base(cases), OPEN, 1).table, POLICY).values())


def test_a_secret_that_only_seems_diverse_is_seen() -> None:
    """Half of them are suppressed: two values are shown, and one is true."""
    columns = POLICY.released()
    place = columns.index("is_sexual_exploitation")
    shown = ["2009", "2008-2010", "feminine", "feminine", "yes"]
    hidden = [*shown[:place], SUPPRESSED]
    cases = [frozenset(key(n) for n in range(s, s + K)) for s in (0, 50)]
    both = [
        Class(i, 1, tuple(p), c)
        for i, (p, c) in enumerate(zip((shown, hidden), cases, strict=True))
    ]
    full = {case: tuple(shown) for one in both for case in one.cases}
    assert all(one.pattern[place] == SUPPRESSED for one in diversify(both, full, POLICY))


@given(st.integers(11, 400))
def test_alike_cases_are_parted_as_finely_as_k_allows(count: int) -> None:
    cases = [key(n) for n in range(count)]
    parts = blocked(cases, K)
    assert sorted(case for part in parts for case in part) == sorted(cases)
    assert all(K <= len(part) < 2 * K for part in parts)


def test_the_order_of_rows_tells_nothing() -> None:
    cases = {n: a_case(n) for n in range(150)}
    table = released([cases])[0].table
    rows = list(zip(*(c.to_pylist() for c in table.columns), strict=True))
    assert rows == sorted(rows)


def test_a_column_that_a_later_policy_adds_shows_nothing_of_earlier_cases() -> None:
    first = {n: a_case(n) for n in range(150)}
    (before,) = released([first])
    columns = (*before.columns, "new")
    moved = microdata.recolumned(before.classes, before.columns, columns)
    assert all(one.pattern[-1] == SUPPRESSED for one in moved)
    fewer = microdata.recolumned(before.classes, before.columns, before.columns[1:])
    assert all(
        one.pattern == was.pattern[1:] for one, was in zip(fewer, before.classes, strict=True)
    )


@pytest.mark.parametrize("count", [0, 1, 10])
def test_too_few_cases_make_no_rows(count: int) -> None:
    made = released([{n: a_case(n) for n in range(count)}])[0]
    assert made.table.num_rows == 0
    assert len(made.waiting) == count
