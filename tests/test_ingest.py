"""The fate of merged records: whose case they are, whose consent governs them, what is said of them."""

from __future__ import annotations

from pathlib import Path

from counterflow.depersonalise import case_key, suppression_token
from counterflow.ingest import Landed
from tests.support import KEYS, landed

MERGED = """\
    merged: {from: Into}
    columns:
      gender: {from: Sex, codes: {F: feminine, M: masculine}}
  citizenship:
    columns:
      citizenship: {from: From, codes: countries, many: ", "}
  control:
    file: means.csv
    key: Case
    columns:
      means_of_control: {from: Means, codes: {debt: debt_bondage}}
"""


def key(number: str) -> str:
    return case_key(KEYS, number)


def case(number: str, into: str = "", consent: str = "yes", **changes: str) -> dict[str, str]:
    row = {"No.": number, "Into": into, "Sex": "F", "From": "Romania", "Consent": consent}
    return row | changes


def means(*numbers: str) -> list[dict[str, str]]:
    return [{"Case": number, "Means": "debt"} for number in numbers]


def merging(found: Landed) -> list[tuple[str | None, str | None]]:
    rows = found.tables["case"].to_pylist()
    return [(row["merged_into_key"], row["merged_reading"]) for row in rows]


def children(found: Landed) -> list[tuple[str | None, str | None]]:
    rows = found.tables["control"].to_pylist()
    return [(row["case_key"], row["case_reading"]) for row in rows]


def test_the_rows_of_a_merged_record_belong_to_the_case_that_took_it_in(tmp_path: Path) -> None:
    cases = [case("1"), case("2", into="3"), case("3", into="1"), case("4")]
    found = landed(tmp_path, MERGED, cases, means=means("2", "3", "1", "4"))
    assert merging(found) == [(None, "blank"), (key("1"), "ok"), (key("1"), "ok"), (None, "blank")]
    assert children(found) == [(key("1"), "ok")] * 3 + [(key("4"), "ok")]
    # also what of its own row stands in other tables; the row itself keeps its key
    owners = found.tables["citizenship"].column("case_key").to_pylist()
    assert owners == [key("1"), key("1"), key("1"), key("4")]
    assert found.tables["case"].column("case_key").to_pylist() == [key(n) for n in "1234"]
    own = [row["case_key"] for row in found.rows.to_pylist() if row["source"] == "case"]
    assert own == [key(n) for n in "1234"]
    assert found.rows.num_rows == 8


def test_what_any_record_of_a_person_has_against_it_withholds_them_all(tmp_path: Path) -> None:
    cases = [case("1", consent="no"), case("2", into="1"), case("3"), case("4", "3", consent="no")]
    found = landed(tmp_path, MERGED, [*cases, case("5")], means=means("2", "4", "5"))
    assert found.withheld == {"no_consent": 6}  # both persons, their records and the means of those
    assert children(found) == [(key("5"), "ok")]
    withheld = {
        (row["suppression_token"], row["reason"]) for row in found.withheld_cases.to_pylist()
    }
    assert withheld == {(suppression_token(KEYS, key(n)), "no_consent") for n in "1234"}


def test_silence_on_a_merged_record_gives_way_to_the_survivors_yes(tmp_path: Path) -> None:
    cases = [case("1"), case("2", "1", consent=""), case("3", consent=""), case("4", "3")]
    found = landed(tmp_path, MERGED, cases, means=means("2", "4"))
    assert found.withheld == {"consent_unknown": 3}  # of the person whose case says nothing
    assert children(found) == [(key("1"), "ok")]


def test_a_refusal_counts_along_a_chain_and_in_whatever_order(tmp_path: Path) -> None:
    cases = [case("1"), case("2", into="1"), case("3", into="2", consent="no"), case("4", into="1")]
    for place, rows in enumerate((cases, cases[::-1])):
        found = landed(tmp_path / str(place), MERGED, rows, means=means("4"))
        assert found.withheld == {"no_consent": 5}


def test_a_survivor_that_is_not_there_and_a_circle_are_said(tmp_path: Path) -> None:
    cases = [case("1", into="9"), case("2", into="3"), case("3", into="2"), case("4", into="4")]
    found = landed(tmp_path, MERGED, cases, means=means("1", "2"))
    assert merging(found) == [(None, "orphan"), *[(None, "circle")] * 3]
    assert children(found) == [(key("1"), "ok"), (key("2"), "ok")]  # quarantined with their record


def test_a_lost_record_is_governed_by_its_own_consent(tmp_path: Path) -> None:
    found = landed(
        tmp_path, MERGED, [case("1"), case("2", into="9", consent="no")], means=means("2")
    )
    assert found.withheld == {"no_consent": 2}


def test_a_number_that_different_records_claim_is_not_followed(tmp_path: Path) -> None:
    """Which of the two was merged is unknown: its rows wait with it in quarantine."""
    cases = [case("1"), case("2", into="1"), case("2", Sex="M"), case("3", into="2")]
    found = landed(tmp_path, MERGED, cases, means=means("2", "3"))
    readings = found.tables["case"].column("key_reading").to_pylist()
    assert readings == ["ok", "conflict", "conflict", "ok"]
    assert merging(found)[1][0] is None
    assert children(found) == [(key("2"), "ok")] * 2


def test_a_merged_record_delivered_twice_is_a_repeat(tmp_path: Path) -> None:
    cases = [case("1"), case("2", into="1"), case("2", into="1")]
    found = landed(tmp_path, MERGED, cases, means=means("2"))
    assert found.tables["case"].column("key_reading").to_pylist() == ["ok", "ok", "repeat"]
    assert children(found) == [(key("1"), "ok")]


def test_the_cases_that_are_withheld_are_named_by_token_and_reason_alone(tmp_path: Path) -> None:
    cases = [
        case("1"),
        case("2", consent="no"),
        case("3", consent="perhaps"),
        case("", consent="no"),
    ]
    found = landed(tmp_path, MERGED, cases, means=means("2"))
    tokens = [suppression_token(KEYS, key(number)) for number in ("2", "3")]
    assert found.withheld_cases.to_pylist() == [
        {"mission_code": "ALB", "suppression_token": token, "reason": reason}
        for token, reason in sorted(zip(tokens, ("no_consent", "consent_unknown"), strict=True))
    ]
