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
        (NIGHT, "MDA", "loaded", 12, 3, 4, 3, 2, False),
        (NIGHT, "SEN", "late", 0, 0, 0, 0, 0, True),
        (NIGHT, "UKR", "loaded", 33, 25, 8, 0, 0, False),
    ]


@pytest.mark.parametrize(
    ("mission", "version", "field", "item", "expected"),
    [
        # cases, yes, no, answered, unknown, not_asked
        ("MDA", "v1", "case.gender", "", (2, 0, 0, 1, 1, 0)),
        ("MDA", "v1", "case.is_retrafficked", "", (2, 0, 0, 0, 0, 2)),
        ("MDA", "v1", "control.means_of_control", "debt_bondage", (2, 0, 0, 0, 0, 2)),
        ("MDA", "v1", "control.means_of_control", "physical_threats", (2, 1, 0, 1, 1, 0)),
        ("MDA", "v2", "control.means_of_control", "physical_threats", (1, 0, 1, 1, 0, 0)),
        ("MDA", "v1", "case.country_of_exploitation", "", (2, 0, 0, 1, 1, 0)),
        ("MDA", "v1", "exploitation.exploitation_type", "", (2, 0, 0, 1, 1, 0)),
        ("SEN", "v1", "case.citizenship", "", (1, 0, 0, 0, 0, 1)),
        ("UKR", "", "case.is_sexual_exploitation", "", (1, 0, 1, 1, 0, 0)),
        ("UKR", "", "vulnerability.factor", "migration", (1, 0, 0, 0, 1, 0)),
        ("UKR", "", "vulnerability.factor", "poverty", (1, 1, 0, 1, 0, 0)),
        ("UKR", "", "vulnerability.factor", "homelessness", (1, 0, 0, 0, 0, 1)),
        ("UKR", "", "recruitment.recruiter_relationship", "", (1, 0, 0, 0, 0, 1)),
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
        select cases, yes, no, answered, unknown, not_asked from quality.field_coverage
        where mission_code = ? and form_version = ? and table_name || '.' || field = ? and item = ?
        """,
        [mission, version, field, item],
    ).fetchall()
    assert found == [expected]


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
    # nothing was read or judged of SEN tonight: what is left is how complete its one case is, and how old
    score, parts = found["SEN"]
    assert (parts["validity"], parts["conformity"]) == (None, None)
    assert parts["timeliness"] == pytest.approx(1 - 5 / 30, abs=0.001)
    assert score == pytest.approx((40 * parts["completeness"] + 20 * (1 - 5 / 30)) / 0.6, abs=0.1)


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
    assert set(found) == {"seed success", "model success", "snapshot success", "test pass"}
    assert found["test pass"] > 30
