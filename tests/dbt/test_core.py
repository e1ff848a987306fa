"""What core holds of the small night, worked out by hand from docs/internals.md, section 3."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

Rows = list[tuple[object, ...]]


def rows(warehouse: duckdb.DuckDBPyConnection, query: str) -> Rows:
    return warehouse.execute(query).fetchall()


def test_only_accepted_cases_are_published(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = rows(warehouse, "select case_key, mission_code from core.fct_case order by case_key")
    assert found == [
        ("mda-a", "MDA"),
        ("mda-b", "MDA"),
        ("mda-c", "MDA"),
        ("sen-a", "SEN"),
        ("ukr-a", "UKR"),
    ]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        # case:                    mda-a                mda-b                    mda-c                    sen-a                    ukr-a
        (
            "registered_month",
            [
                date(2009, 5, 1),
                date(2007, 1, 1),
                date(2007, 2, 1),
                date(2008, 7, 1),
                date(2010, 3, 1),
            ],
        ),
        ("registration_year", [2009, 2007, 2007, 2008, 2010]),
        (
            "gender",
            ["masculine", "non_specified_unknown", "feminine", "non_specified_unknown", "feminine"],
        ),
        ("age_band", ["18-20", "9-17", "unknown", "not_asked", "not_asked"]),
        ("is_minor", ["no", "yes", "unknown", "not_asked", "not_asked"]),
        ("citizenship", ["ROU", "MDA", None, None, "UKR"]),
        ("country_of_exploitation", ["RUS", "MDA", None, None, "TUR"]),
        (
            "country_of_exploitation_basis",
            ["last_exploitation"] * 3 + ["not_asked", "registration"],
        ),
        ("is_cross_border", ["yes", "no", "unknown", "unknown", "unknown"]),
        ("is_sexual_exploitation", ["no", "unknown", "yes", "not_asked", "no"]),
        ("is_forced_labour", ["yes", "unknown", "unknown", "not_asked", "unknown"]),
        ("is_other_exploitation", ["no", "unknown", "unknown", "not_asked", "unknown"]),
        ("case_status", ["not_asked", "not_asked", "not_asked", "not_asked", "closed"]),
        ("is_retrafficked", ["not_asked"] * 5),
        ("is_deceased", ["not_asked"] * 5),
        ("children_band", ["not_asked"] * 4 + ["1-2"]),
        ("primary_language", ["not_asked"] * 4 + ["ukr"]),
        ("secondary_language", ["not_asked"] * 5),
        ("country_of_residence", [None] * 4 + ["POL"]),
        ("age_band_when_trafficked", ["not_asked"] * 5),
        ("form_version", ["v2", "v1", "v1", "v1", ""]),
        ("loaded_night", [date(2010, 11, 25)] * 3 + [date(2010, 11, 20), date(2010, 11, 25)]),
    ],
)
def test_cases(warehouse: duckdb.DuckDBPyConnection, column: str, expected: list[object]) -> None:
    found = rows(warehouse, f"select {column} from core.fct_case order by case_key")
    assert [value for (value,) in found] == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "bridge_case_citizenship",
            [("mda-a", "MDA"), ("mda-a", "ROU"), ("mda-b", "MDA"), ("ukr-a", "UKR")],
        ),
        (
            "fct_exploitation",
            [
                ("mda-a", "forced_labour", "f_construction", "RUS", None),
                ("mda-c", "sexual_exploitation", None, None, None),
                ("ukr-a", "forced_labour", "not_asked", None, 2009),
                ("ukr-a", "sexual_exploitation", None, None, None),
            ],
        ),
        (
            "fct_control",
            [
                ("mda-a", "debt_bondage", "yes"),
                ("mda-a", "physical_threats", "no"),
                ("mda-a", "takes_earnings", "no"),
                ("mda-b", "physical_threats", "unknown"),
                ("mda-b", "takes_earnings", "unknown"),
                ("mda-c", "physical_threats", "yes"),
                ("mda-c", "takes_earnings", "unknown"),
                ("ukr-a", "debt_bondage", "no"),
                ("ukr-a", "other", "unknown"),
                ("ukr-a", "physical_threats", "yes"),
            ],
        ),
        ("fct_recruitment", [("ukr-a", "at_work", "not_asked", "UKR")]),
        ("fct_sexual_exploitation", [("ukr-a", "prostitution")]),
        (
            "fct_online_platform",
            [("ukr-a", "recruitment", "other"), ("ukr-a", "recruitment", "viber")],
        ),
        (
            "fct_screening",
            [("ukr-a", "actual_victim_of_trafficking", "police", date(2010, 5, 1))],
        ),
        (
            "fct_referral",
            [
                (
                    "ukr-a",
                    "outgoing",
                    "migration_or_change_of_location",
                    date(2010, 9, 1),
                    "not_asked",
                    None,
                )
            ],
        ),
        (
            "fct_event",
            [
                ("ukr-a", 3, "transit", "POL", None),
                ("ukr-a", 4, "recruitment", "UKR", 2008),
                ("ukr-a", 5, "transit", "TUR", None),
            ],
        ),
        ("fct_route_leg", [("ukr-a", 2, "POL", "TUR", 2009)]),
        (
            "fct_perpetrator",
            [
                ("ukr-a", 1, "transporter", "masculine", "not_asked", "Europe"),
                ("ukr-a", 2, "unknown", "feminine", "not_asked", None),
            ],
        ),
        (
            "bridge_perpetrator_role",
            [("ukr-a", 1, "exploiter"), ("ukr-a", 1, "transporter")],
        ),
        (
            "fct_vulnerability",
            [
                ("ukr-a", "education", "unknown", "unknown"),
                ("ukr-a", "migration", "individual", "unknown"),
                ("ukr-a", "poverty", "household", "yes"),
                ("ukr-a", "poverty", "individual", "unknown"),
            ],
        ),
        (
            "fct_assistance",
            [("ukr-a", "health", "provided", date(2010, 4, 1), date(2010, 8, 1), "not_asked")],
        ),
        ("fct_local_attribute", [("ukr-a", "UKR", "seasonal", "yes", "Left for seasonal work")]),
    ],
)
def test_facts(warehouse: duckdb.DuckDBPyConnection, table: str, expected: Rows) -> None:
    assert rows(warehouse, f"select * from core.{table} order by all") == expected


def test_dimensions(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert rows(warehouse, "select mission_code from core.dim_mission order by 1") == [
        ("MDA",),
        ("SEN",),
        ("UKR",),
    ]
    assert rows(
        warehouse,
        "select country_code, m49_region, m49_subregion, is_south_eastern_europe from core.dim_country where country_code2 = 'NA'",
    ) == [("NAM", "Africa", "Sub-Saharan Africa", False)]


def test_the_rows_that_are_quarantined_say_why(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        warehouse,
        """
        select mission_code, source, source_row, rule_ids from scratch.intermediate.int_quarantined_row
        order by all
        """,
    )
    assert found == [
        ("MDA", "case", 4, ["case.key_repeat"]),
        ("MDA", "case", 5, ["case.key_conflict"]),
        ("MDA", "case", 6, ["case.key_conflict"]),
        ("MDA", "case", 7, ["case.gender_mapped"]),
        ("UKR", "case", 2, ["case.registered_on_readable"]),
        ("UKR", "control", 4, ["parent_quarantined"]),
        ("UKR", "control", 5, ["control.case_known"]),
        ("UKR", "control", 6, ["control.case_present"]),
        ("UKR", "control", 7, ["control.case_present"]),
        ("UKR", "exploitation", 3, ["exploitation.exploitation_type_mapped"]),
        ("UKR", "local_attribute", 1, ["parent_quarantined"]),
        ("UKR", "route_leg", 1, ["route_leg.to_country_mapped"]),
    ]
