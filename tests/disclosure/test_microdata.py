"""Records that may leave."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from counterflow.disclosure import DisclosureRefused, Policy, anonymise, check
from counterflow.disclosure.hierarchies import countries, years


def cases(rows: int, seed: int = 1) -> pa.Table:
    dice = random.Random(seed)
    return pa.table(
        {
            "year": [dice.choice([2007, 2008, 2009, None]) for _ in range(rows)],
            "citizenship": dice.choices(
                ["MDA", "UKR", "IDN", "KHM", None], [9, 5, 3, 1, 1], k=rows
            ),
            "gender": dice.choices(["feminine", "masculine"], [4, 1], k=rows),
            "kind": dice.choices(["sexual", "labour", None], k=rows),
        }
    )


POLICY = Policy(hierarchies={"citizenship": countries(), "year": years(5, 10)})


def test_no_class_is_below_k_or_shows_one_value() -> None:
    made = anonymise(cases(300), ["year", "citizenship", "gender"], ["kind"], POLICY)
    found = check(made.table, made.quasi_identifiers, ["kind"])
    assert found.min_class >= 11
    assert found.min_l is not None
    assert found.min_l >= 2
    assert made.table.num_rows + made.withheld == 300


@pytest.mark.parametrize("weak", [{"k": 10}, {"l": 1}, {"weights": {"year": -1.0}}])
def test_a_policy_below_the_floor_is_refused(weak: dict[str, int]) -> None:
    with pytest.raises(DisclosureRefused):
        Policy(**weak)
