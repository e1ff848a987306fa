"""A warning that an answer is missing speaks only of forms that ask the question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterflow.validation import LandedExport, rules_hash, validate

from .landing import Row, case, child, form, land, results

RULE = "assistance.started_on_present_if_provided"
STARTED, SERVICE = ("assistance", "started_on"), ("assistance", "service_type")


def provided(number: int, **changes: Any) -> Row:
    return child(number, "assistance", service_type="-99", status="oferit", **changes)


def judged(export: LandedExport, suites: Path, rule: str = RULE) -> tuple[str, int, int]:
    [verdict] = validate([export], suites)
    found = results(verdict)[rule]
    return found["status"], found["rows_checked"], found["rows_failed"]


def test_a_form_that_never_asks_the_date_cannot_lack_it(tmp_path: Path, suites: Path) -> None:
    tables = {"case": [case(1)], "assistance": [provided(1)]}
    silent = form(("1", *STARTED, False), ("1", *SERVICE, True))
    assert judged(land(tmp_path / "a", "MDA", tables, asked=silent), suites) == (
        *("not_applicable", 0, 0),
    )
    asking = form(("1", *STARTED, True), ("1", *SERVICE, True))
    assert judged(land(tmp_path / "b", "MDA", tables, asked=asking), suites) == ("failed", 1, 1)


def test_the_version_of_the_case_decides_row_by_row(tmp_path: Path, suites: Path) -> None:
    """Also of a row whose case is not known: it was asked what any form of the mission asks."""
    forms = form(("1", *STARTED, False), ("2", *STARTED, True))
    cases = [case(1), case(2, form_version="2"), case(3, form_version=None)]
    rows = [provided(1), provided(2), provided(3), provided(9, case_reading="orphan")]
    export = land(tmp_path, "MDA", {"case": cases, "assistance": rows}, asked=forms)
    assert judged(export, suites) == ("failed", 3, 3)


def test_a_field_of_the_case_itself(tmp_path: Path, suites: Path) -> None:
    abroad = "country_of_exploitation"
    forms = form(("1", "case", abroad, False), ("2", "case", abroad, True))
    cases = [case(1, **{abroad: None}), case(2, form_version="2")]
    export = land(tmp_path, "MDA", {"case": cases}, asked=forms)
    assert judged(export, suites, f"case.{abroad}_present") == ("passed", 1, 0)


def test_what_a_form_asks_is_a_cause_of_the_verdict(tmp_path: Path, suites: Path) -> None:
    tables = {"case": [case(1)], "assistance": [provided(1)]}
    yes, no = (
        land(tmp_path / name, "MDA", tables, asked=form(("1", *STARTED, asks)))
        for name, asks in (("yes", True), ("no", False))
    )
    assert rules_hash(yes, suites) != rules_hash(no, suites)
