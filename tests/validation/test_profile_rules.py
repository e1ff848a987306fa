"""The rules of a whole export refuse it, at their threshold and not before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from counterflow.validation import Status, Verdict, validate

from .landing import Row, case, child, land, results

TOKEN = "#" + "0" * 31 + "7"
MARCH, APRIL = date(2010, 3, 1), date(2010, 4, 1)


def cases(count: int, **last: Any) -> list[Row]:
    """`count` good cases; `last` changes the last of them."""
    return [case(n, **(last if n == count else {})) for n in range(1, count + 1)]


def unmapped(count: int, of: int) -> list[Row]:
    """Cases with five coded values each where `count` of the first ones are not mapped.

    gender, age_band, country_of_exploitation and two more are filled, so 5 x `of` values in all.
    """
    rows = [case(n, marital_status="-99", education="-99") for n in range(1, of + 1)]
    for row in rows[:count]:
        row["gender"] = TOKEN
    return rows


def repeated(count: int, of: int) -> list[Row]:
    reading = ["conflict", "repeat"]
    return [case(n, key_reading=reading[n % 2] if n <= count else "ok") for n in range(1, of + 1)]


def before(rows: int, month: date | None = MARCH) -> dict[str, dict[str, Any]]:
    return {"case": {"rows": rows, "newest_month": month}}


# name: (tables, other arguments of `land`, the rule that must refuse or None, observed numbers)
EXPORTS: dict[str, tuple[dict[str, list[Row]], dict[str, Any], str | None, Mapping[str, Any]]] = {
    "first export ever": ({"case": cases(3)}, {}, None, {}),
    "exactly the minimum": (
        {"case": cases(5)},
        {"assertions": {"case": {"min_rows": 5, "max_fall": None, "filled": {}}}},
        None,
        {},
    ),
    "below the minimum": (
        {"case": cases(4)},
        {"assertions": {"case": {"min_rows": 5, "max_fall": None, "filled": {}}}},
        "rows_minimum",
        {"rows": 4, "min_rows": 5},
    ),
    "an empty table below its minimum": (
        {"case": cases(1)},
        {"assertions": {"control": {"min_rows": 1}}},
        "rows_minimum",
        {"rows": 0, "min_rows": 1},
    ),
    "falls by the default exactly": ({"case": cases(12)}, {"previous": before(20)}, None, {}),
    "falls by more than the default": (
        {"case": cases(11)},
        {"previous": before(20)},
        "rows_fall",
        {"rows": 11, "previous_rows": 20, "fall": 0.45, "max_fall": 0.4},
    ),
    "falls, but was too small to tell": ({"case": cases(1)}, {"previous": before(19)}, None, {}),
    "falls as far as its contract allows": (
        {"case": cases(14)},  # 1 - 14/20 is 0.30000000000000004 in floating point
        {"previous": before(20), "assertions": {"case": {"max_fall": 0.3}}},
        None,
        {},
    ),
    "falls further than its contract allows": (
        {"case": cases(19)},
        {"previous": before(20), "assertions": {"case": {"max_fall": 0.0}}},
        "rows_fall",
        {"rows": 19, "previous_rows": 20, "fall": 0.05, "max_fall": 0.0},
    ),
    "a table that vanished": (
        {"case": cases(2)},
        {"previous": {"control": {"rows": 40, "newest_month": None}}},
        "rows_fall",
        {"rows": 0, "previous_rows": 40, "fall": 1.0, "max_fall": 0.4},
    ),
    "filled as asserted": (
        {"case": cases(4, gender=None)},
        {"assertions": {"case": {"filled": {"gender": 0.75, "registered_month": 1.0}}}},
        None,
        {},
    ),
    "emptier than asserted": (
        {"case": cases(4, gender=None, registered_month=None)},
        {"assertions": {"case": {"filled": {"gender": 0.7, "registered_month": 0.9}}}},
        "filled",
        {"field": "registered_month", "filled": 0.75, "minimum": 0.9},
    ),
    "no row to be filled": (
        {"case": cases(1)},
        {"assertions": {"control": {"filled": {"answer": 0.9}}}},
        None,
        {},
    ),
    "a fifth of a field unmapped": ({"case": unmapped(10, 50)}, {}, None, {}),
    "more than a fifth of a field unmapped": (
        {
            "case": unmapped(11, 50)
        },  # 11 of the 250 coded values of the table, 11 of 50 of the field
        {},
        "unmapped_share",
        {"coded_values": 50, "unmapped_values": 11},
    ),
    "nine unmapped are too few to tell": (
        {"case": [row | {"education": None} for row in unmapped(9, 9)]},
        {},
        None,
        {},
    ),
    "a fifth repeated": ({"case": repeated(10, 50)}, {}, None, {}),
    "more than a fifth repeated": (
        {"case": repeated(10, 49)},
        {},
        "repeat_share",
        {"rows": 49, "repeats": 10},
    ),
    "nine repeats are too few to tell": ({"case": repeated(9, 9)}, {}, None, {}),
    "an older export": (
        {"case": cases(3)},
        {"previous": before(4, APRIL)},
        "not_older",
        {"rows": 3, "previous_rows": 4, "months_older": 1},
    ),
    "older, but no fewer rows": ({"case": cases(4)}, {"previous": before(4, APRIL)}, None, {}),
    "fewer rows, but as new": ({"case": cases(3)}, {"previous": before(4)}, None, {}),
    "history without a month": ({"case": cases(3)}, {"previous": before(4, None)}, None, {}),
    "months as JSON kept them": (
        {"case": cases(3)},
        {"previous": {"case": {"rows": 4, "newest_month": "2010-05-01"}}},
        "not_older",
        {"rows": 3, "previous_rows": 4, "months_older": 2},
    ),
    "help that began late in a case corrected since": (
        {"case": cases(3), "assistance": [child(1, "assistance", started_month=MARCH)]},
        {"previous": {"assistance": {"rows": 2, "newest_month": APRIL}}},
        None,
        {},
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: Any, suites: Path) -> dict[str, Verdict]:
    root = tmp_path_factory.mktemp("landing")
    exports = [
        land(root, f"M{number:02}", tables, **arguments)
        for number, (tables, arguments, _, _) in enumerate(EXPORTS.values())
    ]
    return dict(zip(EXPORTS, validate(exports, suites), strict=True))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_refused_at_the_threshold(name: str, verdicts: dict[str, Verdict]) -> None:
    _, _, rule, observed = EXPORTS[name]
    verdict = verdicts[name]
    assert [reason.rule_id for reason in verdict.reasons] == ([f"profile.{rule}"] if rule else [])
    assert verdict.status is (Status.REFUSED if rule else Status.ACCEPTED)
    if rule:
        [reason] = verdict.reasons
        assert dict(reason.observed) == observed
        assert results(verdict)[f"profile.{rule}"]["rows_failed"] == 1


def test_the_reason_says_mission_table_numbers_and_cure(verdicts: dict[str, Verdict]) -> None:
    message = verdicts["a table that vanished"].message
    for part in ("M09", "refused", "profile.rows_fall", "on control", "previous_rows 40", "Ask"):
        assert part in message
    assert "\n" not in message


def test_a_table_that_tripled_only_warns(tmp_path: Path, suites: Path) -> None:
    exports = [
        land(tmp_path, "MDA", {"case": cases(61)}, previous=before(20)),
        land(tmp_path, "UKR", {"case": cases(60)}, previous=before(20)),
    ]
    verdicts = validate(exports, suites)
    assert [v.status for v in verdicts] == [Status.ACCEPTED, Status.ACCEPTED]
    assert [results(v)["profile.rows_rise"]["status"] for v in verdicts] == ["failed", "passed"]


def test_a_rule_that_has_nothing_to_compare_with_is_not_applicable(
    verdicts: dict[str, Verdict],
) -> None:
    found = results(verdicts["first export ever"])
    for rule in ("rows_fall", "rows_minimum", "filled", "not_older", "rows_rise"):
        assert found[f"profile.{rule}"]["status"] == "not_applicable", rule
    assert found["profile.unmapped_share"]["status"] == "passed"


def test_an_assertion_on_a_field_that_was_never_profiled_is_an_error(
    tmp_path: Path, suites: Path
) -> None:
    assertions = {"case": {"filled": {"no_such_field": 0.5}}}
    exports = [
        land(tmp_path, "MDA", {"case": cases(2)}, assertions=assertions),
        land(tmp_path, "UKR", {"case": cases(2)}),
    ]
    broken, good = validate(exports, suites)
    assert (broken.status, good.status) == (Status.FAILED, Status.ACCEPTED)
    assert "case.no_such_field" in broken.message
