"""What would help most: every rule that holds rows back has advice, and what gains most comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterflow.contracts import Contract, load_contract
from counterflow.pages.advising import Place, Trouble, advice
from counterflow.settings import PROJECT
from counterflow.validation.rules import rule_book
from tests.support import CONTRACT

LOAD: dict[str, Any] = {"status": "loaded", "rows_read": 100}
LOSES_NOTHING = {"case.key_repeat"}  # the first of the rows is kept


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    path = tmp_path / "ALB.yml"
    path.write_text(CONTRACT.format(mission="ALB", encoding="utf-8"), "utf-8")
    return load_contract(path)


def rule(rule_id: str, failed: int, **changes: Any) -> dict[str, Any]:
    said = {
        "rule_id": rule_id,
        "table_name": rule_id.partition(".")[0],
        "severity": "critical",
        "status": "failed",
        "rows_failed": failed,
    }
    return said | changes


def test_every_critical_rule_of_rows_has_advice() -> None:
    for one in rule_book(PROJECT / "expectations").values():
        if (
            one.severity != "critical"
            or one.table_name == "profile"
            or one.rule_id in LOSES_NOTHING
        ):
            continue
        assert len(advice(Trouble(LOAD, [rule(one.rule_id, 1)]))) == 1, one.rule_id


def test_a_whole_export_comes_first_then_rows_then_consent_then_answers(contract: Contract) -> None:
    found = advice(
        Trouble(
            {
                "status": "refused",
                "rows_read": 10,
                "withheld_consent_unknown": 50,
                "withheld_consent_contradictory": 2,
            },
            [
                rule("case.gender_mapped", 3),
                rule("control.case_known", 8),
                rule("case.registered_on_present", 99, severity="warning"),
            ],
            [{"kind": "unmapped_consent", "rows": 20}, {"kind": "unknown_column", "rows": 400}],
            [
                {"table_name": "case", "field": "gender", "answered": 10, "unknown": 90},
                {"table_name": "case", "field": "is_forced_labour", "answered": 60, "unknown": 40},
            ],
            contract,
        )
    )
    assert [(one.kind, one.rows) for one in found] == [
        ("refused", 10), ("child_of_no_case", 8), ("explain_codes", 3), ("consent_blank", 30), ("explain_consent", 20),
        ("consent_contradictory", 2), ("seldom_answered", 90),
    ]  # fmt: skip


def test_it_says_where_in_the_mission_s_own_words(contract: Contract) -> None:
    trouble = Trouble(
        LOAD, [rule("case.gender_mapped", 99)], contract=contract,
        places={"case.gender_mapped": Place(3, (4, 11, 12)), "case.age_band_readable": Place(1, (9,)), "control.case_present": Place(2, (1, 2)), "citizenship.citizenship_mapped": Place(5, (1,))},
    )  # fmt: skip
    said = {one.field: (one.file, one.column, one.lines, one.rows) for one in advice(trouble)}
    assert said == {
        "case.gender": (
            "cases.csv",
            "Sex",
            (4, 11, 12),
            3,
        ),  # of the export in force, not the night's 99
        "case.age_band": ("cases.csv", "Born", (9,), 1),
        "control": ("means.csv", "No.", (1, 2), 2),
        "citizenship.citizenship": ("cases.csv", "Citizenship", (1,), 5),
    }


def test_a_fault_of_ours_asks_nobody_for_anything() -> None:
    assert advice(Trouble({"status": "failed", "rows_read": 5})) == []


def test_a_few_cases_say_nothing_of_a_question() -> None:
    few = {"table_name": "case", "field": "gender", "answered": 0, "unknown": 10}
    assert advice(Trouble(LOAD, coverage=[few])) == []
