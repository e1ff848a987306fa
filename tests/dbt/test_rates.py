"""The rates of the small night, by the mart and by the table macro that analysts call, worked out by hand."""

from __future__ import annotations

import duckdb
import pytest

# question, group, cases, numerator, denominator, rate, reason, unknown, not_asked, left_out, missions
DEBT_BONDAGE = [
    # v1 of MDA does not ask, v2 does; UKR asks each means by itself; SEN asks nothing
    ("control.debt_bondage", "MDA", 3, 1, 1, None, "too_few", 0, 2, 0, 1),
    ("control.debt_bondage", "SEN", 1, 0, 0, None, "not_asked", 0, 1, 0, 0),
    ("control.debt_bondage", "UKR", 1, 0, 1, None, "too_few", 0, 0, 0, 1),
]


def test_a_mission_that_never_asked_has_no_rate_and_is_in_no_denominator(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.execute(
        "from analysis.rate('control.debt_bondage', by := 'mission_code')"
    ).fetchall()
    assert found == DEBT_BONDAGE
    everybody = warehouse.execute("from analysis.rate('control.debt_bondage')").fetchall()
    assert everybody == [("control.debt_bondage", "all", 5, 1, 2, None, "too_few", 0, 3, 0, 2)]


def test_the_mart_and_the_macro_agree(warehouse: duckdb.DuckDBPyConnection) -> None:
    for (question,) in warehouse.execute(
        "select distinct question from analysis.question_rate"
    ).fetchall():
        for by in ("all", "mission_code"):
            mart = warehouse.execute(
                "select * exclude (group_by) from analysis.question_rate "
                "where question = ? and group_by = ? order by group_value",
                [question, by],
            ).fetchall()
            assert (
                warehouse.execute(f"from analysis.rate('{question}', by := '{by}')").fetchall()
                == mart
            )


@pytest.mark.parametrize(
    ("question", "mission", "version", "reason"),
    [
        ("control.physical_threats", "MDA", "v1", "stores_only_yes"),
        ("control.physical_threats", "MDA", "v2", None),
        ("control.debt_bondage", "MDA", "v1", "not_asked"),
        ("case.is_forced_labour", "MDA", "v2", None),
        ("case.is_other_exploitation", "UKR", "", "not_asked"),
        ("case.is_cross_border", "UKR", "", "not_asked"),  # it asks where a case was registered
        ("case.is_minor", "MDA", "v1", None),
        ("vulnerability.poverty", "UKR", "", "stores_only_yes"),
    ],
)
def test_what_a_form_may_enter(
    warehouse: duckdb.DuckDBPyConnection,
    question: str,
    mission: str,
    version: str,
    reason: str | None,
) -> None:
    found = warehouse.execute(
        "select reason from core.dim_form_question "
        "where question = ? and mission_code = ? and form_version = ?",
        [question, mission, version],
    ).fetchall()
    assert found == [(reason,)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("analysis.rate('control.debt')", "no such question"),
        ("analysis.rate('control.debt_bondage', by := 'shoe_size')", "by is all, mission_code"),
    ],
)
def test_a_call_that_means_nothing_says_so(
    warehouse: duckdb.DuckDBPyConnection, call: str, says: str
) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=says):
        warehouse.execute(f"from {call}")
