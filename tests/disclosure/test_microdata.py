"""Records that may leave: k, l, nothing invented, the same release from any order of rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycanon import anonymity

from counterflow.disclosure import (
    Anonymised,
    DisclosureRefused,
    Hierarchy,
    Policy,
    anonymise,
    check,
    microdata,
)
from counterflow.disclosure.hierarchies import age_bands, countries, years
from counterflow.disclosure.sample import QUASI_IDENTIFIERS, SENSITIVE, sample

QUASI = ("year", "citizenship", "gender", "age")
HIERARCHIES = {"citizenship": countries(), "year": years(5, 10), "age": age_bands()}
POLICY = Policy(hierarchies=HIERARCHIES)
VALUES: dict[str, list[Any]] = {
    "year": [2003, 2007, 2008, 2009, None],
    "citizenship": ["MDA", "UKR", "IDN", "KHM", "unlisted", None],
    "gender": ["feminine", "masculine"],
    "age": ["0-8", "9-17", "18-20", "48+", "unknown"],
    "kind": ["sexual", "labour", None],
}


@st.composite
def tables(draw: st.DrawFn, least: int = 11) -> pa.Table:
    """A table of 11 to 400 rows; some values are common, some are rare, some are null."""
    rows = draw(st.integers(least, 400))
    dice = random.Random(draw(st.integers(0, 2**32)))
    skew = draw(st.sampled_from([0.0, 1.0, 3.0]))
    columns = {
        name: dice.choices(
            values, [1 / (place + 1) ** skew for place in range(len(values))], k=rows
        )
        for name, values in VALUES.items()
    }
    types = {name: pa.int32() if name == "year" else pa.string() for name in VALUES}
    return pa.table({n: pa.array(v, types[n]) for n, v in columns.items()})


def classes(table: pa.Table, names: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """Counted one by one, by another hand than the code's."""
    return Counter(tuple(row[name] for name in names) for row in table.to_pylist())


def least_l(table: pa.Table, names: Sequence[str], sensitive: str) -> int:
    seen: dict[tuple[Any, ...], set[Any]] = {}
    for row in table.to_pylist():
        seen.setdefault(tuple(row[name] for name in names), set()).add(row[sensitive])
    return min(map(len, seen.values()))


def pandas(made: Anonymised) -> pd.DataFrame:
    """As pycanon wants it: text, NULL its own value."""
    frame = made.table.to_pandas()
    return frame.astype(object).where(frame.notna(), "null").astype(str)


METHODS = ("lattice", "tree")
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("method", METHODS)
@few
@given(table=tables(), values=st.integers(2, 3), number=st.integers(1, 4))
def test_no_class_is_below_k_or_shows_too_few_values(
    method: Any, table: pa.Table, values: int, number: int
) -> None:
    policy = Policy(l=values, hierarchies=HIERARCHIES, method=method)
    made = anonymise(table, QUASI[:number], ["kind"], policy)
    assert made.table.num_rows + made.withheld == table.num_rows
    if made.table.num_rows:
        assert min(classes(made.table, made.quasi_identifiers).values()) >= 11
        assert least_l(made.table, made.quasi_identifiers, "kind") >= values
        # Of the columns themselves, without their coarser levels, as well.
        assert min(classes(made.table, QUASI[:number]).values()) >= 11


@pytest.mark.parametrize("method", METHODS)
def test_pycanon_finds_the_same_k_and_l(method: Any) -> None:
    policy = Policy(hierarchies=HIERARCHIES_OF_THE_SAMPLE, method=method)
    made = anonymise(sample(1000), QUASI_IDENTIFIERS, ["means_of_control"], policy)
    frame, names = pandas(made), list(made.quasi_identifiers)
    assert anonymity.k_anonymity(frame, names) == made.check.min_class >= 11
    assert anonymity.l_diversity(frame, names, ["means_of_control"]) == made.check.min_l
    assert made.check.min_l is not None
    assert made.check.min_l >= 2


HIERARCHIES_OF_THE_SAMPLE = {
    "registration_year": years(5, 10),
    "age_band": age_bands(),
    "citizenship": countries(),
    "country_of_exploitation": countries(),
}


def test_the_oracles_see_a_class_that_is_too_small() -> None:
    raw = sample(500)
    assert check(raw, QUASI_IDENTIFIERS, ["means_of_control"]).min_class == 1
    assert min(classes(raw, QUASI_IDENTIFIERS).values()) == 1


@pytest.mark.parametrize("method", METHODS)
@few
@given(table=tables(), seed=st.integers(0, 100))
def test_the_order_of_rows_changes_nothing(method: Any, table: pa.Table, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(table.num_rows)
    policy = Policy(hierarchies=HIERARCHIES, method=method)
    one = anonymise(table, QUASI, ["kind"], policy)
    two = anonymise(table.take(pa.array(order)), QUASI, ["kind"], policy)
    assert one.table.equals(two.table)
    assert one.report == two.report


@pytest.mark.parametrize("method", METHODS)
@few
@given(table=tables())
def test_nothing_is_invented(method: Any, table: pa.Table) -> None:
    made = anonymise(table, QUASI, ["kind"], Policy(hierarchies=HIERARCHIES, method=method))
    rows = table.to_pylist()
    for released, kept in zip(made.table.to_pylist(), made.kept.tolist(), strict=True):
        case = rows[kept]
        assert released["kind"] == case["kind"]
        for name in QUASI:
            value = case[name]
            steps: Hierarchy | None = HIERARCHIES.get(name)
            above = steps.ancestors(value) if steps and value is not None else ()
            for column, true in zip(made.levels[name], [value, *above], strict=False):
                assert released[column] in (None, true)
            # What is shown finely is shown coarsely too.
            cells = [released[column] for column in made.levels[name]]
            if released[name] is not None:
                assert cells == [value, *above]
    assert len(set(made.kept.tolist())) == len(made.kept)


def test_a_frequent_country_stays_and_rare_ones_become_their_region() -> None:
    rare = ["KHM", "LAO", "MMR", "THA", "VNM", "PHL"]
    table = pa.table({"citizenship": ["MDA"] * 60 + rare * 5})
    made = anonymise(table, ["citizenship"], [], Policy(hierarchies={"citizenship": countries()}))
    shown = classes(made.table, ("citizenship", "citizenship_subregion"))
    assert shown == {("MDA", "Eastern Europe"): 60, (None, "South-eastern Asia"): 30}
    assert made.report.suppressed == 0
    assert made.report.coarsened == 30


@pytest.mark.parametrize("method", METHODS)
def test_weights_say_what_is_lost_last(method: Any) -> None:
    cases = sample(3000)

    def kept(column: str, weight: float) -> float:
        made = anonymise(
            cases, QUASI_IDENTIFIERS, [], Policy(weights={column: weight}, method=method)
        )
        loss = next(loss for loss in made.report.columns if loss.column == column)
        return loss.shown[column] / loss.filled

    for column in ("citizenship", "registration_year", "marital_status"):
        light, even, heavy = kept(column, 0.0), kept(column, 1.0), kept(column, 20.0)
        assert light <= even <= heavy
        assert heavy > light + 0.3


def test_a_column_of_weight_nothing_costs_nothing() -> None:
    cases = sample(2000)
    weights = dict.fromkeys(QUASI_IDENTIFIERS, 0.0) | {"gender": 1.0}
    made = anonymise(cases, QUASI_IDENTIFIERS, [], Policy(weights=weights))
    gender = next(loss for loss in made.report.columns if loss.column == "gender")
    assert gender.suppressed == 0
    assert made.report.information_lost < 0.001


def test_columns_that_nobody_declared_do_not_leave() -> None:
    cases = sample(500).append_column("case_key", pa.array([f"{i:032x}" for i in range(500)]))
    made = anonymise(cases, QUASI_IDENTIFIERS, SENSITIVE[1:], POLICY)
    assert made.table.column_names == [*made.quasi_identifiers, "means_of_control"]


def test_what_cannot_be_made_safe_is_withheld_whole() -> None:
    """One sensitive value in all rows: no class can show two."""
    table = pa.table({"gender": ["feminine"] * 50, "kind": ["labour"] * 50})
    made = anonymise(table, ["gender"], ["kind"], Policy())
    assert (made.table.num_rows, made.withheld) == (0, 50)


def test_a_class_that_slips_through_stops_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    def shows_all(columns: Any, *_: Any) -> Any:
        return np.zeros((len(columns[0].ids), len(columns)), np.int64)

    monkeypatch.setattr(microdata, "grow", shows_all)
    with pytest.raises(RuntimeError, match="nothing is released"):
        anonymise(sample(200), QUASI_IDENTIFIERS, [], Policy(method="tree"))


@pytest.mark.parametrize(
    "weak", [{"k": 10}, {"l": 1}, {"weights": {"year": -1.0}}, {"weights": {"year": float("nan")}}]
)
def test_a_policy_below_the_floor_is_refused(weak: dict[str, Any]) -> None:
    with pytest.raises(DisclosureRefused):
        Policy(**weak)


@pytest.mark.parametrize(
    ("quasi", "sensitive", "said"),
    [
        (["gender", "shoe_size"], [], "no column shoe_size"),
        ([], ["kind"], "no quasi-identifier"),
        (["gender", "kind"], ["kind"], "kind is named twice"),
    ],
)
def test_a_wrong_question_is_refused(quasi: list[str], sensitive: list[str], said: str) -> None:
    table = pa.table({"gender": ["feminine"] * 20, "kind": ["labour"] * 20})
    with pytest.raises(DisclosureRefused, match=said):
        anonymise(table, quasi, sensitive, Policy())


def test_too_few_records_are_refused() -> None:
    with pytest.raises(DisclosureRefused, match="fewer than k = 11"):
        anonymise(sample(10), QUASI_IDENTIFIERS, [], Policy())


def test_more_columns_than_the_lattice_takes_grow_a_tree() -> None:
    cases = sample(600)
    wide = {f"item_{i}": pa.array(["yes", "no", "unknown"] * 200) for i in range(4)}
    for name, values in wide.items():
        cases = cases.append_column(name, values)
    made = anonymise(cases, [*QUASI_IDENTIFIERS, *wide], SENSITIVE[1:], POLICY)
    assert made.check.min_class >= 11
    assert made.report.suppressed_share < 0.9
