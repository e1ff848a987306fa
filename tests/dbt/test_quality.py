"""What quality says of the small night, worked out by hand."""

from __future__ import annotations

import json
from datetime import date

import duckdb
import pytest

from tests.dbt.small_night import NIGHT


def test_load_keeps_past_nights(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        """
        select night, mission_code, status, rows_read, rows_accepted, rows_quarantined, rows_withheld, rows_blank, is_stale
        from quality.load order by all
        """
    ).fetchall()
    assert found == [
        (date(2010, 11, 20), "SEN", "loaded", 1, 1, 0, 0, 0, False),
        (NIGHT, "MDA", "loaded", 16, 3, 4, 7, 2, False),
        (NIGHT, "SEN", "late", 1, 1, 0, 0, 0, True),
        (NIGHT, "UKR", "loaded", 33, 25, 8, 0, 0, False),
    ]


@pytest.mark.parametrize(
    ("mission", "version", "field", "item", "expected"),
    [
        # cases, yes, no, answered, unknown, not_asked, not_applicable
        ("MDA", "v1", "case.gender", "", (2, 0, 0, 1, 1, 0, 0)),
        ("MDA", "v1", "case.is_retrafficked", "", (2, 0, 0, 0, 0, 2, 0)),
        ("MDA", "v1", "control.means_of_control", "debt_bondage", (2, 0, 0, 0, 0, 2, 0)),
        ("MDA", "v1", "control.means_of_control", "physical_threats", (2, 1, 0, 1, 1, 0, 0)),
        ("MDA", "v2", "control.means_of_control", "physical_threats", (1, 0, 1, 1, 0, 0, 0)),
        ("MDA", "v1", "case.country_of_exploitation", "", (2, 0, 0, 1, 1, 0, 0)),
        ("MDA", "v1", "exploitation.exploitation_type", "", (2, 0, 0, 1, 1, 0, 0)),
        # mda-b has no exploitation and mda-c a sexual one; mda-a was made to work
        ("MDA", "v1", "exploitation.labour_sector", "", (2, 0, 0, 0, 0, 0, 2)),
        ("MDA", "v2", "exploitation.labour_sector", "", (1, 0, 0, 1, 0, 0, 0)),
        ("SEN", "v1", "case.citizenship", "", (1, 0, 0, 0, 0, 1, 0)),
        ("UKR", "", "case.is_sexual_exploitation", "", (1, 0, 1, 1, 0, 0, 0)),
        ("UKR", "", "vulnerability.factor", "migration", (1, 0, 0, 0, 1, 0, 0)),
        ("UKR", "", "vulnerability.factor", "poverty", (1, 1, 0, 1, 0, 0, 0)),
        ("UKR", "", "vulnerability.factor", "homelessness", (1, 0, 0, 0, 0, 1, 0)),
        ("UKR", "", "recruitment.recruiter_relationship", "", (1, 0, 0, 0, 0, 1, 0)),
        ("UKR", "", "perpetrator.gender", "", (1, 0, 0, 1, 0, 0, 0)),
        ("UKR", "", "referral.reason", "", (1, 0, 0, 1, 0, 0, 0)),
    ],
)
def test_coverage_tells_unasked_from_unanswered(
    warehouse: duckdb.DuckDBPyConnection,
    mission: str,
    version: str,
    field: str,
    item: str,
    expected: tuple[int, ...],
) -> None:
    found = warehouse.execute(
        """
        select cases, yes, no, answered, unknown, not_asked, not_applicable from quality.field_coverage
        where mission_code = ? and form_version = ? and table_name || '.' || field = ? and item = ?
        """,
        [mission, version, field, item],
    ).fetchall()
    assert found == [expected]


def test_what_is_counted_adds_up(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute(
        """
        select count(*) filter (cases != answered + unknown + not_asked + not_applicable),
            count(*) filter (least(yes, no, answered, unknown, not_asked, not_applicable) < 0), count(*) > 100
        from quality.field_coverage
        """
    ).fetchall() == [(0, 0, True)]


@pytest.mark.parametrize(
    ("mission", "field", "item", "expected"),
    [
        ("MDA", "case.gender", "", [("exact", None)]),
        ("MDA", "recruitment.recruitment_method", "", [("none", None)]),
        # v2 of the form was used from 2008, and asks for debt bondage
        (
            "MDA",
            "control.means_of_control",
            "debt_bondage",
            [("none", None), ("exact", date(2008, 1, 1))],
        ),
        ("MDA", "control.means_of_control", "sexual_abuse", [("none", None)]),
        ("UKR", "control.means_of_control", "debt_bondage", [("exact", None)]),
        ("SEN", "recruitment.recruitment_method", "at_work", [("none", None)]),
    ],
)
def test_how_a_question_relates_to_the_standard_and_since_when(
    warehouse: duckdb.DuckDBPyConnection,
    mission: str,
    field: str,
    item: str,
    expected: list[tuple[object, ...]],
) -> None:
    found = warehouse.execute(
        """
        select relation, since from quality.comparability
        where mission_code = ? and field = ? and item = ? order by since nulls first
        """,
        [mission, field, item],
    ).fetchall()
    assert found == expected


def test_a_score_follows_its_formula(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = {
        mission: (score, json.loads(components))
        for mission, score, components in warehouse.execute(
            "select mission_code, score, components from quality.score"
        ).fetchall()
    }
    assert set(found) == {"MDA", "SEN", "UKR"}
    score, parts = found["MDA"]
    assert parts["validity"] == pytest.approx(3 / 7, abs=0.001)
    assert parts["conformity"] == pytest.approx((1 + 6 / 7) / 2, abs=0.001)
    assert parts["timeliness"] == 1
    assert score == pytest.approx(
        40 * parts["completeness"] + 30 * 3 / 7 + 10 * parts["conformity"] + 20, abs=0.1
    )
    # nothing was judged of SEN tonight: what is left is its one case, how complete it is, and how old
    score, parts = found["SEN"]
    assert (parts["validity"], parts["conformity"]) == (1, None)
    assert parts["timeliness"] == pytest.approx(1 - 5 / 30, abs=0.001)
    assert score == pytest.approx(
        (40 * parts["completeness"] + 30 + 20 * (1 - 5 / 30)) / 0.9, abs=0.1
    )


def test_signals_and_rules_are_kept(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute("select count(*) from quality.rule_result").fetchall() == [(3,)]
    assert warehouse.execute("select * from quality.issue").fetchall() == [
        (NIGHT, "MDA", "unmapped_code", "case", "gender", "1 value", 1)
    ]


def test_dbts_own_results_are_rows(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        warehouse.execute(
            "select resource_type || ' ' || status, count(*) from quality.dbt_result group by all"
        ).fetchall()
    )
    found.pop("exposure no-op", None)
    assert set(found) == {"seed success", "model success", "snapshot success", "test pass"}
    assert found["test pass"] > 30
