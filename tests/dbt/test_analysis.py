"""What the marts hold of the small night, worked out by hand."""

from __future__ import annotations

import duckdb
import pytest


def test_trends(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        """
        select dimension, value, numerator, denominator, rate, rate_note, unknown, not_asked, missions
        from analysis.trends
        where registration_year = 2007 and dimension in ('all', 'gender', 'is_minor', 'is_cross_border')
        and (value <> 'yes' or dimension <> 'gender') and value not like 'trans%' and value not like 'non_%'
        order by all
        """
    ).fetchall()
    assert found == [
        ("all", "all", 2, 2, None, "too_few", 0, 0, 1),
        ("gender", "feminine", 1, 1, None, "too_few", 1, 0, 1),
        ("gender", "masculine", 0, 1, None, "too_few", 1, 0, 1),
        ("is_cross_border", "no", 1, 1, None, "too_few", 1, 0, 1),
        ("is_cross_border", "yes", 0, 1, None, "too_few", 1, 0, 1),
        ("is_minor", "no", 0, 1, None, "too_few", 1, 0, 1),
        ("is_minor", "yes", 1, 1, None, "too_few", 1, 0, 1),
    ]


@pytest.mark.parametrize(
    ("year", "dimension", "value", "expected"),
    [
        # UKR asks where a case was registered: where its person was exploited was not asked
        (2010, "is_cross_border", "yes", (0, 0, 0, 1, "not_asked")),
        # SEN asks neither of citizenship nor of exploitation
        (2008, "citizenship_region", "Africa", (0, 0, 0, 1, "not_asked")),
        (2008, "is_forced_labour", "yes", (0, 0, 0, 1, "not_asked")),
        # its one person has no gender, though asked
        (2008, "gender", "feminine", (0, 0, 1, 0, "too_few")),
    ],
)
def test_a_year_without_a_known_value_has_its_rows(
    warehouse: duckdb.DuckDBPyConnection,
    year: int,
    dimension: str,
    value: str,
    expected: tuple[object, ...],
) -> None:
    found = warehouse.execute(
        """
        select numerator, denominator, unknown, not_asked, rate_note from analysis.trends
        where registration_year = ? and dimension = ? and value = ?
        """,
        [year, dimension, value],
    ).fetchall()
    assert found == [expected]


def test_only_the_last_exploitation_makes_an_exploitation_corridor(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.execute(
        """
        select route_kind, basis, from_country, to_country, is_exploitation_corridor, crosses_border, cases, cases_at_home, first_year
        from analysis.routes order by all
        """
    ).fetchall()
    assert found == [
        ("corridor", "last_exploitation", "MDA", "MDA", True, "no", 1, 0, 2007),
        ("corridor", "last_exploitation", "MDA", "RUS", True, "yes", 1, 0, 2009),
        ("corridor", "last_exploitation", "ROU", "RUS", True, "yes", 1, 0, 2009),
        ("corridor", "registration", "UKR", "TUR", False, "yes", 1, 0, 2010),
        ("leg", "leg", "POL", "TUR", False, "yes", 1, 0, 2010),
    ]


@pytest.mark.parametrize(
    ("exploitation", "gender", "means", "expected"),
    [
        # asked, yes, no, unknown, not_asked, left_out, numerator, denominator, reason, missions: on v1 no no is stored,
        # so that mda-b (no answer) and mda-c (yes) are in no rate
        ("all", "all", "physical_threats", (4, 2, 1, 0, 1, 2, 1, 2, None, "too_few", 2)),
        ("all", "all", "debt_bondage", (2, 1, 1, 0, 3, 0, 1, 2, None, "too_few", 2)),
        ("forced_labour", "all", "debt_bondage", (1, 1, 0, 0, 0, 0, 1, 1, None, "too_few", 1)),
        # nobody's form has it
        ("all", "all", "sexual_abuse", (0, 0, 0, 0, 5, 0, 0, 0, None, "not_asked", 0)),
        (
            "sexual_exploitation",
            "feminine",
            "physical_threats",
            (1, 1, 0, 0, 0, 1, 0, 0, None, "stores_only_yes", 0),
        ),
    ],
)
def test_a_means_of_control_is_counted_where_it_was_asked(
    warehouse: duckdb.DuckDBPyConnection,
    exploitation: str,
    gender: str,
    means: str,
    expected: tuple[object, ...],
) -> None:
    found = warehouse.execute(
        """
        select
            asked, yes, no, unknown, not_asked, left_out, numerator, denominator, rate, rate_note, missions
        from analysis.means_of_control
        where exploitation = ? and gender = ? and means_of_control = ?
        """,
        [exploitation, gender, means],
    ).fetchall()
    assert found == [expected]


# How `analysis.rate` groups by what the mart calls so, and the rows of the mart that answer the same.
SAME = {
    "control.debt_bondage": (
        "means_of_control", "means_of_control = 'debt_bondage' and exploitation = 'all' and gender = 'all'"
    ),
    "control.physical_threats": (
        "means_of_control", "means_of_control = 'physical_threats' and exploitation = 'all' and gender = 'all'"
    ),
    "case.is_sexual_exploitation": (
        "profiles", "period = 'all' and group_by = 'all' and dimension = 'is_sexual_exploitation' and value = 'yes'"
    ),
    "case.is_cross_border": (
        "profiles", "period = 'all' and group_by = 'all' and dimension = 'is_cross_border' and value = 'yes'"
    ),
    "case.is_minor": (
        "profiles", "period = 'all' and group_by = 'all' and dimension = 'is_minor' and value = 'yes'"
    ),
    "case.is_retrafficked": ("retrafficking", "group_by = 'all'"),
    "vulnerability.poverty": (
        "vulnerability",
        "factor = 'poverty' and level = 'all' and gender = 'all' and age_group = 'all' and exploitation = 'all'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("question", SAME)
def test_a_mart_and_the_rate_macro_say_the_same(
    warehouse: duckdb.DuckDBPyConnection, question: str
) -> None:
    """Two ways to one number, with one denominator and one reason."""
    mart, where = SAME[question]
    columns = "numerator, denominator, rate, {}, unknown, not_asked, left_out, missions"
    found = warehouse.execute(
        f"select {columns.format('rate_note')} from analysis.{mart} where {where}"
    ).fetchall()
    assert (
        found
        == warehouse.execute(
            f"select {columns.format('reason')} from analysis.rate('{question}')"
        ).fetchall()
    )
    assert found[0] != (0, 0, None, None, 0, 0, 0, 0)
