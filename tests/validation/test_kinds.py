"""One row of each kind says what all rows say: against GX's own answer on all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.validation import gx
from counterflow.validation.kinds import kinds
from counterflow.validation.rules import Expectation, Suite

META = {"rule_id": "", "reason": "r", "cure": "c"}
NOT_B = {"column": {"name": "b"}, "operator": "!=", "parameter": "no", "type": "comparison"}


def rule(name: str, kind: str, **kwargs: Any) -> Expectation:
    return Expectation(kind, kwargs, META | {"rule_id": name}, "critical")


SUITE = Suite(
    "t",
    (
        rule("in", "expect_column_values_to_be_in_set", column="a", value_set=["x"]),
        rule("not_in", "expect_column_values_to_not_be_in_set", column="b", value_set=["no"]),
        rule("filled", "expect_column_values_to_not_be_null", column="a", row_condition=NOT_B),
        rule("between", "expect_column_values_to_be_between", column="n", min_value=1, max_value=2),
        rule(
            "once",
            "expect_compound_columns_to_be_unique",
            column_list=["mission_code", "a", "n"],
            ignore_row_if="any_value_is_missing",
            row_condition=NOT_B,
        ),
        # Of a type that is not known to look at one row: it is given all of them.
        rule("other", "expect_column_values_to_be_unique", column="a"),
    ),
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["no", "yes", None]),
        st.sampled_from([0, 1, 2, 3, None]),
    ),
    min_size=1,
    max_size=12,
)


def table(rows: list[tuple[Any, Any, Any]]) -> pa.Table:
    a, b, n = zip(*rows, strict=True)
    return pa.table(
        {
            "mission_code": pa.array(["MDA"] * len(rows)).dictionary_encode(),
            "a": pa.array(a, pa.string()).dictionary_encode(),
            "b": pa.array(b, pa.string()),
            "n": pa.array(n, pa.int64()),
        }
    )


def decoded(data: pa.Table) -> pa.Table:
    return data.cast(
        pa.schema([(f.name, pa.int64() if f.name == "n" else pa.string()) for f in data.schema])
    )


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(1, 5))
def test_kinds_answer_for_all_rows(rows: list[tuple[Any, Any, Any]], rules: int) -> None:
    suite = Suite("t", SUITE.expectations[:rules])
    everything = table(rows)
    whole = gx.run(suite, decoded(everything).to_pandas())
    kept, stands, data = kinds(everything, suite.expectations)
    assert data.num_rows == len(kept) <= len(rows)
    few = gx.run(suite, data.to_pandas())
    for one, all_, some in zip(suite.expectations, whole, few, strict=True):
        failed = np.zeros(data.num_rows, dtype=bool)
        failed[some.failed] = True
        assert np.flatnonzero(failed[stands[one.rule_id]]).tolist() == sorted(
            all_.failed.tolist()
        ), one.rule_id
        assert some.error is None


def test_many_rows_are_few_kinds() -> None:
    rows = [("x", "yes", n % 3) for n in range(3000)]
    kept, stands, _ = kinds(table(rows), SUITE.expectations[:4])
    assert kept.tolist() == [0, 1, 2]
    assert set(stands["between"].tolist()) == {0, 1, 2}
    assert set(stands["in"].tolist()) == {0}


def test_rows_that_may_be_repeats_are_all_judged() -> None:
    rows = [("x", "yes", 1), ("x", "yes", 2), ("x", "no", 1), ("y", "yes", 3)]
    kept, stands, _ = kinds(table(rows), SUITE.expectations[4:5])
    assert kept.tolist() == [0, 1, 2]
    assert stands["once"].tolist() == [
        0,
        1,
        2,
        1,
    ]  # what stands alone with its values is of one kind


def test_a_rule_of_another_type_is_given_every_row() -> None:
    rows = [("x", "yes", 1)] * 4
    kept, _, _ = kinds(table(rows), SUITE.expectations[5:])
    assert kept.tolist() == [0, 1, 2, 3]


def test_repeats_that_are_not_of_one_mission_are_looked_for_in_every_row() -> None:
    over_all = rule(
        "over",
        "expect_compound_columns_to_be_unique",
        column_list=["a", "n"],
        ignore_row_if="never",
    )
    kept, _, _ = kinds(table([("x", "yes", n) for n in range(4)]), [over_all])
    assert kept.tolist() == [0, 1, 2, 3]


def test_many_values_in_many_columns_stay_apart() -> None:
    """Numbers of combinations beyond 64 bits are closed up on the way."""
    count = 3000
    columns = {f"c{n}": pa.array(np.roll(np.arange(count), n)) for n in range(8)}
    names = list(columns)
    wide = rule("wide", "expect_column_values_to_not_be_null", column=names[0])
    object.__setattr__(wide, "kwargs", {"column_list": names})
    kept, stands, _ = kinds(pa.table(columns), [wide])
    assert len(kept) == count
    assert stands["wide"].tolist() == list(range(count))
