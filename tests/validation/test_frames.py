"""Properties of what happens before and after GX, for any data: mapping, counting, conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.settings import PROJECT
from counterflow.validation import gx
from counterflow.validation.frames import UNMAPPED, Part, _canonical, _country_change
from counterflow.validation.judge import _checked, judge
from counterflow.validation.kinds import kinds
from counterflow.validation.rules import Expectation, Suite, load_suites

CODES = st.sampled_from(["a", "b", "c", "#1", "", None])
COLUMN = st.lists(CODES, max_size=30)
SUITES = load_suites(PROJECT / "expectations")


@given(COLUMN, st.dictionaries(st.sampled_from(["a", "b", "#1", ""]), st.sampled_from(["X", None])))
def test_a_column_is_mapped_value_by_value(
    values: list[str | None], codes: dict[str, str | None]
) -> None:
    expected = [
        None if v is None else (codes[v] or "unknown") if v in codes else UNMAPPED for v in values
    ]
    mapped, counted, unmapped = _canonical(pa.array(values, pa.string()), codes)
    assert mapped.to_pylist() == expected
    assert counted == sum(v is not None for v in values)
    assert unmapped == expected.count(UNMAPPED)


@given(st.lists(st.tuples(*[st.sampled_from(["MDA", "RUS", "unknown", UNMAPPED, None])] * 2)))
def test_a_leg_changes_country_if_both_are_known(legs: Sequence[tuple[str | None, ...]]) -> None:
    def expected(start: str | None, end: str | None) -> str | None:
        if {start, end} & {"unknown", UNMAPPED, None}:
            return None
        return "stays" if start == end else "moves"

    columns = [pa.array([leg[place] for leg in legs], pa.string()) for place in (0, 1)]
    assert _country_change(*columns).to_pylist() == [expected(*leg) for leg in legs]


def comparison(operator: str, parameter: Any, column: str = "a") -> dict[str, Any]:
    named = {"name": column}
    return {"type": "comparison", "column": named, "operator": operator, "parameter": parameter}


ONE = st.one_of(
    st.builds(comparison, st.sampled_from(["==", "!="]), st.sampled_from(["a", "b"])),
    st.builds(comparison, st.sampled_from(["IN", "NOT_IN"]), st.just(["a", "c"])),
    st.builds(
        comparison,
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.integers(0, 3),
        st.just("n"),
    ),
    st.builds(
        lambda is_null: {"type": "nullity", "column": {"name": "a"}, "is_null": is_null},
        st.booleans(),
    ),
)
CONDITION = st.one_of(
    ONE,
    st.builds(
        lambda kind, parts: {"type": kind, "conditions": parts},
        st.sampled_from(["and", "or"]),
        st.lists(ONE, min_size=2, max_size=2),
    ),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(CODES, st.sampled_from([0.0, 1.0, 2.0, None])), min_size=1, max_size=12),
    CONDITION,
    st.sampled_from(["expect_column_values_to_not_be_null", "expect_column_values_to_be_in_set"]),
)
def test_we_and_gx_mean_the_same_rows(
    rows: list[tuple[str | None, float | None]], condition: dict[str, Any], kind: str
) -> None:
    """Per mission we count the checked rows ourselves; in sum they must be GX's."""
    data = pd.DataFrame(
        {
            "a": pd.array([a for a, _ in rows], dtype="str"),
            "n": np.array([n for _, n in rows], dtype=float),
        }
    )
    kwargs: dict[str, Any] = {"column": "a", "row_condition": condition}
    if kind.endswith("in_set"):
        kwargs["value_set"] = ["a"]
    rule = Expectation(kind, kwargs, {"rule_id": "t.rule", "reason": "r", "cure": "c"}, "critical")
    [outcome] = gx.run(Suite("t", (rule,)), data)
    assert outcome.error is None
    assert outcome.checked == np.count_nonzero(_checked(data, rule))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["ok", "blank", "orphan"]), max_size=6), max_size=4))
def test_every_failing_row_is_found_in_its_mission(missions: list[list[str]]) -> None:
    """Against the plainest count there is, for any rows and any missions, empty ones too."""
    parts = []
    for number, readings in enumerate(missions):
        count = len(readings)
        columns = {
            "mission_code": pa.array([f"M{number}"] * count, pa.string()),
            "case_key": pa.array([str(n) for n in range(count)], pa.string()),
            "case_reading": pa.array(readings, pa.string()),
            "means_of_control": pa.array(["restricts_movement"] * count, pa.string()),
            "answer": pa.array(["yes"] * count, pa.string()),
        }
        places = pa.array(range(count), pa.int64())
        kept, rows, data = kinds(pa.table(columns), SUITES["control"].expectations)
        sources = pa.array(["c"] * count)
        parts.append(Part(f"M{number}", data, kept, rows, sources, places))
    if not parts:
        return
    judgements = judge(parts, SUITES["control"])
    for part, readings in zip(parts, missions, strict=True):
        judgement = judgements[part.mission_code]
        found = {r.rule_id: r for r in judgement.results}
        for rule, reading in (("case_present", "blank"), ("case_known", "orphan")):
            result = found[f"control.{rule}"]
            places = [n for n, r in enumerate(readings) if r == reading]
            assert result.failed == len(places)
            assert result.checked == len(readings)
            assert list(judgement.failures.get(f"control.{rule}", [])) == places
