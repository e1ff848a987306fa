"""Each row rule fails on the row that breaks it, and on no other.

One mission for each broken rule, all judged in one go as in a night: so a rule that looked at the
wrong mission's rows would be seen too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from counterflow.canonical import TABLES, Kind
from counterflow.validation import Status, Verdict, rule_book, validate
from counterflow.validation.frames import coded_fields

from .landing import Row, case, child, failures, land, results

TOKEN = "#" + "0" * 31 + "7"
GOOD: dict[str, Row] = {
    "citizenship": {"citizenship": "Moldova", "citizenship_number": 1},
    "exploitation": {"exploitation_type": "munca", "labour_sector": "constructii"},
    "control": {"means_of_control": "ocazional", "answer": "da"},
    "recruitment": {"recruitment_method": "-99", "recruiter_relationship": "-99"},
    "route_leg": {"leg_number": 1, "from_country": "Moldova", "to_country": "Rusia"},
    "perpetrator": {"perpetrator_number": 1, "role_number": 1, "role": "-99", "gender": "M"},
    "vulnerability": {"factor": "-99", "level": "-99", "answer": "nu"},
    "sexual_exploitation": {"sexual_exploitation_form": "-99"},
    "online_platform": {"purpose": "-99", "platform": "-99"},
    "event": {"event_number": 1, "event_type": "-99", "country": "Moldova"},
    "screening": {"decision": "-99", "decided_by": "-99"},
    "referral": {"direction": "-99", "reason": "-99"},
    "assistance": {"service_type": "-99", "status": "oferit", "started_month": date(2010, 5, 1)},
    "local_attribute": {"field": "oblast", "value": "-99"},
}
READABLE = ("not_a_date", "impossible_date", "too_old", "a reading that nobody knows")


def breaks() -> Iterator[tuple[str, Row, str]]:
    """(table, what is wrong with its second row, the one critical rule that must fail)."""
    yield "case", {"key_reading": "blank"}, "case.key_present"
    yield "case", {"key_reading": None}, "case.key_present"
    yield "case", {"key_reading": "repeat"}, "case.key_repeat"
    yield "case", {"key_reading": "conflict"}, "case.key_conflict"
    yield (
        "case",
        {"registered_on_reading": "before_birth"},
        "case.registered_on_not_before_birth",
    )
    yield "case", {"merged_reading": "orphan"}, "case.merged_known"
    yield "case", {"merged_reading": "circle"}, "case.merged_known"
    yield "case", {"age_band_reading": "not_a_number"}, "case.age_band_readable"
    yield "case", {"duration_band_reading": "not_a_number"}, "case.duration_band_readable"
    yield "case", {"children_band_reading": "not_a_number"}, "case.children_band_readable"
    trafficked = "age_band_when_trafficked"
    yield "case", {f"{trafficked}_reading": "not_a_number"}, f"case.{trafficked}_readable"
    for name in list(TABLES)[1:]:
        yield name, {"case_reading": "blank"}, f"{name}.case_present"
        yield name, {"case_reading": None}, f"{name}.case_present"
        yield name, {"case_reading": "orphan"}, f"{name}.case_known"
    for table in TABLES.values():
        for field in table.fields:
            if field.reading and field.kind in (Kind.MONTH, Kind.YEAR):
                rule = f"{table.name}.{field.name}"
                for reading in READABLE:
                    yield table.name, {f"{field.name}_reading": reading}, f"{rule}_readable"
                yield table.name, {f"{field.name}_reading": "future"}, f"{rule}_not_future"
        for name in coded_fields(table.name):
            yield table.name, {name: TOKEN}, f"{table.name}.{name}_mapped"
            # Default deny: a value that is no token is not mapped either, if no row says so.
            yield table.name, {name: "Ion Popescu"}, f"{table.name}.{name}_mapped"


def warnings() -> Iterator[tuple[str, list[Row], str, int, int]]:
    """(table, rows, the warning that must fail, rows checked, rows failed)."""
    young = {"age_band": "0-8", "marital_status": "casatorita"}
    yield "case", [{}, {"registered_month": None}], "case.registered_on_present", 2, 1
    abroad = "country_of_exploitation"
    yield "case", [{}, {abroad: None}], f"case.{abroad}_present", 2, 1
    yield "case", [{"marital_status": "casatorita"}, young], "case.child_not_married", 1, 1
    yield "citizenship", [{}, {"citizenship": None}], "citizenship.citizenship_present", 2, 1
    twice = {"source_row": 1, "case_key": f"{1:032x}"}
    same = [{}, twice, {}]
    yield "citizenship", same, "citizenship.citizenship_not_repeated", 3, 2
    far = {"citizenship_number": 6}
    yield "citizenship", [{}, far], "citizenship.citizenship_number_plausible", 2, 1
    none = {"exploitation_type": None}
    yield "exploitation", [{}, none], "exploitation.exploitation_type_present", 2, 1
    wrong = {"exploitation_type": "sexual", "labour_sector": "constructii"}
    sectors = [{}, wrong, wrong | {"labour_sector": None}]
    yield "exploitation", sectors, "exploitation.sector_only_with_labour", 1, 1
    years = [{"start_year": 1949}, {"start_year": 1950}, {}]
    yield "exploitation", years, "exploitation.start_year_plausible", 2, 1
    yield "control", [{}, {"means_of_control": None}], "control.means_of_control_present", 2, 1
    answered = [*same[:2], {"means_of_control": None}]
    yield "control", answered, "control.means_not_repeated", 2, 2
    lost = {"recruitment_method": None}
    yield "recruitment", [{}, lost], "recruitment.recruitment_method_present", 2, 1
    yield "recruitment", same, "recruitment.channel_not_repeated", 3, 2
    legs = [{}, {"to_country": "Moldova"}, {"from_country": "-99", "to_country": "-99"}]
    yield "route_leg", legs, "route_leg.country_changes", 2, 1
    yield "route_leg", [{}, {"leg_number": 0}], "route_leg.leg_number_plausible", 2, 1
    yield "route_leg", [{}, {"year": 1066}], "route_leg.year_plausible", 1, 1
    yield "route_leg", same, "route_leg.leg_number_not_repeated", 3, 2
    many = {"perpetrator_number": 51}
    yield "perpetrator", [{}, many], "perpetrator.perpetrator_number_plausible", 2, 1
    roles = [*same, twice | {"role_number": 2}]  # a second role of the first is another row
    yield "perpetrator", roles, "perpetrator.perpetrator_number_not_repeated", 4, 2
    yield "vulnerability", [{}, {"factor": None}], "vulnerability.factor_present", 2, 1
    yield "vulnerability", same, "vulnerability.factor_not_repeated", 3, 2
    yield "assistance", [{}, {"service_type": None}], "assistance.service_type_present", 2, 1
    late = [{}, {"started_month": None}, {"started_month": None, "status": "-99"}]
    yield "assistance", late, "assistance.started_on_present_if_provided", 2, 1
    yield "assistance", same, "assistance.service_not_repeated", 3, 2
    yield "local_attribute", same, "local_attribute.answer_not_repeated", 3, 2


BREAKS, WARNINGS = list(breaks()), list(warnings())


def rows_of(table: str, changes: list[Row]) -> dict[str, list[Row]]:
    if table == "case":
        return {"case": [case(n, **c) for n, c in enumerate(changes, start=1)]}
    good = GOOD[table]
    own = [child(n, table, **(good | c)) for n, c in enumerate(changes, start=1)]
    return {"case": [case(n) for n in range(1, len(changes) + 1)], table: own}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: Any, suites: Path) -> dict[str, Verdict]:
    root = tmp_path_factory.mktemp("landing")
    cases = [(table, [{}, wrong, {}]) for table, wrong, _ in BREAKS]
    cases += [(table, rows) for table, rows, _, _, _ in WARNINGS]
    exports = [
        land(root, f"M{number:03}", rows_of(table, rows))
        for number, (table, rows) in enumerate(cases)
    ]
    return {verdict.mission_code: verdict for verdict in validate(exports, suites)}


@pytest.mark.parametrize("number", range(len(BREAKS)), ids=[f"{r}-{w}" for _, w, r in BREAKS])
def test_a_critical_rule_quarantines_the_row_that_breaks_it(
    number: int, verdicts: dict[str, Verdict]
) -> None:
    table, _, rule = BREAKS[number]
    verdict = verdicts[f"M{number:03}"]
    assert verdict.status is Status.ACCEPTED
    assert failures(verdict) == {(table, table, 2, rule)}
    assert verdict.quarantined == 1
    found = results(verdict)
    assert (found[rule]["status"], found[rule]["rows_failed"]) == ("failed", 1)
    assert found[rule]["severity"] == "critical"
    critical = [r for r in found.values() if r["severity"] == "critical"]
    assert [r["rule_id"] for r in critical if r["status"] == "failed"] == [rule]
    assert not [r["rule_id"] for r in found.values() if r["status"] == "error"]


@pytest.mark.parametrize("number", range(len(WARNINGS)), ids=[r for _, _, r, _, _ in WARNINGS])
def test_a_warning_counts_and_quarantines_nothing(
    number: int, verdicts: dict[str, Verdict]
) -> None:
    _, _, rule, checked, failed = WARNINGS[number]
    verdict = verdicts[f"M{len(BREAKS) + number:03}"]
    found = results(verdict)[rule]
    assert (found["status"], found["severity"]) == ("failed", "warning")
    assert (found["rows_checked"], found["rows_failed"]) == (checked, failed)
    assert failures(verdict) == set()
    assert verdict.status is Status.ACCEPTED


def test_every_warning_of_the_suites_is_tried_here(suites: Path) -> None:
    listed = {r.rule_id for r in rule_book(suites).values() if r.severity == "warning"}
    assert {rule for _, _, rule, _, _ in WARNINGS} == listed - {"profile.rows_rise"}


def test_a_mission_without_rows_or_values_is_not_applicable(verdicts: dict[str, Verdict]) -> None:
    found = results(verdicts["M000"])  # cases only, and nobody's education
    assert found["control.case_present"]["status"] == "not_applicable"
    assert found["case.education_mapped"]["status"] == "not_applicable"
    assert found["case.duration_band_readable"]["status"] == "not_applicable"
    assert found["case.gender_mapped"]["status"] == "passed"
    assert found["case.gender_mapped"]["rows_checked"] == 3


def test_a_scorecard_has_no_gap(verdicts: dict[str, Verdict], suites: Path) -> None:
    every = list(rule_book(suites))
    assert all(list(results(verdict)) == every for verdict in verdicts.values())


def test_a_blank_cell_is_no_failure_and_no_value(tmp_path: Path, suites: Path) -> None:
    tables: dict[str, list[Row]] = {}
    for table in TABLES.values():
        blank = {f"{field.name}_reading": "blank" for field in table.fields if field.reading}
        empty = dict.fromkeys(coded_fields(table.name))
        make = case(1) if table.name == "case" else child(1, table.name)
        tables[table.name] = [make | blank | empty]
    [verdict] = validate([land(tmp_path, "MDA", tables)], suites)
    assert failures(verdict) == set()
    for rule in results(verdict).values():
        if rule["rule_id"].endswith(("_readable", "_not_future", "_before_birth", "_mapped")):
            assert (rule["status"], rule["rows_checked"]) == ("not_applicable", 0)


def test_two_unmapped_codes_are_not_the_same_answer_twice(tmp_path: Path, suites: Path) -> None:
    rows = [child(1, "control", means_of_control=TOKEN, answer="da") for _ in range(2)]
    [verdict] = validate([land(tmp_path, "MDA", {"case": [case(1)], "control": rows})], suites)
    assert results(verdict)["control.means_not_repeated"]["status"] == "not_applicable"
    assert results(verdict)["control.answer_mapped"]["status"] == "passed"


def test_several_landing_rows_of_one_source_row_are_one_failure(
    tmp_path: Path, suites: Path
) -> None:
    rows = [
        child(
            1,
            "case",
            **GOOD["control"],
        )
        for _ in range(3)
    ]
    for row in rows:
        row["means_of_control"] = TOKEN
    [verdict] = validate([land(tmp_path, "MDA", {"case": [case(1)], "control": rows})], suites)
    assert failures(verdict) == {("control", "case", 1, "control.means_of_control_mapped")}
    assert results(verdict)["control.means_of_control_mapped"]["rows_failed"] == 3
    assert verdict.quarantined == 1
