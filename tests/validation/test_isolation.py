"""What breaks is an error, never a failure of the data, and it breaks for its mission alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from counterflow.canonical import TABLES
from counterflow.forks import spread
from counterflow.validation import LandedExport, RuleBookError, Status, gx, judge, run, validate
from counterflow.validation.frames import Part
from counterflow.validation.rules import Suite, load_suites

from .landing import SEAL, case, child, failures, land, results

MISSIONS = ("ALB", "BGR", "MDA", "ROU", "UKR")
REPEATED = {"case": [case(1), case(2, key_reading="repeat")]}


def exports(root: Path, missions: Sequence[str] = MISSIONS) -> list[LandedExport]:
    return [land(root, mission, REPEATED) for mission in missions]


def with_rule(suites: Path, folder: Path, severity: str) -> Path:
    """The suites and one more rule of `case`, which cannot run: its column does not exist."""
    shutil.copytree(suites, folder)
    file = folder / "case.json"
    suite = json.loads(file.read_text())
    rule = json.loads(json.dumps(suite["expectations"][0]))
    rule["kwargs"]["column"] = "no_such_column"
    rule["meta"]["rule_id"] = "case.broken"
    rule["severity"] = severity
    suite["expectations"].append(rule)
    file.write_text(json.dumps(suite))
    return folder


def test_a_critical_rule_that_cannot_run_fails_the_verdict(tmp_path: Path, suites: Path) -> None:
    folder = with_rule(suites, tmp_path / "suites", "critical")
    for verdict in validate(exports(tmp_path, ("MDA", "UKR")), folder):
        assert verdict.status is Status.FAILED
        assert [r.rule_id for r in verdict.reasons] == ["case.broken"]
        found = results(verdict)["case.broken"]
        assert (found["status"], found["rows_failed"]) == ("error", 0)
        # The error quarantines nobody; the rule beside it still does its work.
        assert failures(verdict) == {("case", "case", 2, "case.key_repeat")}


def test_a_warning_that_cannot_run_is_only_recorded(tmp_path: Path, suites: Path) -> None:
    folder = with_rule(suites, tmp_path / "suites", "warning")
    [verdict] = validate(exports(tmp_path, ("MDA",)), folder)
    assert verdict.status is Status.ACCEPTED
    assert results(verdict)["case.broken"]["status"] == "error"


def test_a_rule_that_gx_cannot_build_stops_everything_with_its_file(
    tmp_path: Path, suites: Path
) -> None:
    folder = with_rule(suites, tmp_path / "suites", "critical")
    file = folder / "case.json"
    file.write_text(file.read_text().replace('"no_such_column"', "[1]"))
    with pytest.raises(RuleBookError, match=r"case\.json"):
        validate(exports(tmp_path, ("MDA", "UKR")), folder)


def crash_with(
    culprits: set[str], table: str, asked: list[int]
) -> Callable[[Sequence[Part], Suite], Any]:
    """`_judge`, but it breaks down whenever a culprit's rows of `table` are among the parts."""
    real = judge._judge

    def broken(parts: Sequence[Part], suite: Suite) -> Any:
        asked.append(len(parts))
        if suite.name == table and culprits & {part.mission_code for part in parts}:
            raise MemoryError("Ion Popescu")
        return real(parts, suite)

    return broken


@pytest.mark.parametrize(
    ("culprits", "table"),
    [
        ({"ALB"}, "case"),
        ({"BGR", "UKR"}, "case"),
        (set(MISSIONS), "case"),
        ({"MDA"}, "profile"),
    ],
)
def test_a_mission_that_crashes_a_shard_is_failed_alone(
    culprits: set[str], table: str, tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "_judge", crash_with(culprits, table, []))
    for verdict in validate(exports(tmp_path), suites):
        crashed = verdict.mission_code in culprits
        assert verdict.status is (Status.FAILED if crashed else Status.ACCEPTED)
        if crashed:
            assert "MemoryError" in verdict.message
            assert "Popescu" not in verdict.message
            ran = {r["status"] for r in results(verdict).values() if r["table_name"] == table}
            assert ran == {"error"}
        if not crashed or table == "profile":
            assert failures(verdict) == {("case", "case", 2, "case.key_repeat")}


def test_without_a_crash_no_mission_is_judged_twice(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(judge, "_judge", crash_with(set(), "case", asked))
    validate(exports(tmp_path), suites)
    assert asked == [5] * (len(TABLES) + 1)  # and the profile, all missions at a time


def test_a_critical_rule_that_one_mission_makes_fail_to_run_is_its_alone(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gx.run

    def broken(suite: Suite, data: Any) -> list[gx.Outcome]:
        outcomes = real(suite, data)
        if "gender" in data and (data["gender"] == "male").any():
            outcomes[0] = gx.Outcome(0, gx.NONE, "TypeError")
        return outcomes

    monkeypatch.setattr(gx, "run", broken)
    landed = exports(tmp_path, ("ALB", "BGR", "UKR"))
    landed.append(land(tmp_path, "MDA", {"case": [case(1, gender="M")]}))
    verdicts = {v.mission_code: v for v in validate(landed, suites)}
    assert {m for m, v in verdicts.items() if v.status is Status.FAILED} == {"MDA"}
    assert results(verdicts["MDA"])["case.key_present"]["status"] == "error"
    assert results(verdicts["UKR"])["case.key_present"]["status"] == "passed"


def verdicts_of(landed: Sequence[LandedExport], suites: Path, workers: int) -> list[Any]:
    """What was decided, and all that was written of it."""
    found = validate(landed, suites, workers=workers)
    written = [
        (
            (v.folder / "verdict.json").read_text(),
            SEAL.read(v.folder / "results.parquet").to_pylist(),
            SEAL.read(v.folder / "failures.parquet").to_pylist(),
        )
        for v in found
    ]
    for verdict in found:
        shutil.rmtree(verdict.folder)
    return [(v.mission_code, v.status, v.reasons, v.quarantined) for v in found] + written


def test_any_number_of_processes_finds_the_same(tmp_path: Path, suites: Path) -> None:
    tables = {
        "case": [case(1), case(2, key_reading="repeat"), case(3, gender="?")],
        "control": [child(n, "control", means_of_control="ocazional") for n in (1, 1, 2, 3)],
    }
    landed = [land(tmp_path, mission, tables) for mission in MISSIONS]
    cut_off(landed[2])
    alone = verdicts_of(landed, suites, 1)
    assert [one[1] for one in alone[:5]].count(Status.FAILED) == 1
    assert verdicts_of(landed, suites, 2) == alone
    assert verdicts_of(landed, suites, 3) == alone


def test_a_mission_that_fills_a_shard_is_judged_table_by_table(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_, shared = run._judge_table, []

    def watched(cases: Any, suite: Suite) -> Any:
        (tmp_path / f"by-{os.getpid()}").touch()
        return judge_(cases, suite)

    def spreading(jobs: Any, workers: int, *further: Any) -> Any:
        shared.append(workers)
        return spread(jobs, workers, *further)

    monkeypatch.setattr(run, "_judge_table", watched)
    monkeypatch.setattr(run, "spread", spreading)
    validate(exports(tmp_path, ("MDA",)), suites, max_rows_per_shard=1, workers=2)
    assert shared == [1]
    assert [path.name for path in tmp_path.glob("by-*")] != [f"by-{os.getpid()}"]


@pytest.mark.parametrize("culprits", [{"BGR"}, {"ALB", "UKR"}])
def test_a_mission_that_kills_its_process_is_failed_alone(
    culprits: set[str], tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = judge._judge

    def deadly(parts: Sequence[Part], suite: Suite) -> Any:
        if suite.name == "case" and culprits & {part.mission_code for part in parts}:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(parts, suite)

    monkeypatch.setattr(judge, "_judge", deadly)
    for verdict in validate(exports(tmp_path), suites, workers=2):
        died = verdict.mission_code in culprits
        assert verdict.status is (Status.FAILED if died else Status.ACCEPTED)
        if died:
            assert "Died" in verdict.message
        else:
            assert failures(verdict) == {("case", "case", 2, "case.key_repeat")}


def test_a_process_that_is_killed_once_costs_nobody_anything(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, mark = judge._judge, tmp_path / "killed"

    def unlucky(parts: Sequence[Part], suite: Suite) -> Any:
        if suite.name == "case" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return real(parts, suite)

    landed = exports(tmp_path)
    alone = verdicts_of(landed, suites, 1)
    monkeypatch.setattr(judge, "_judge", unlucky)
    assert verdicts_of(landed, suites, 2) == alone
    assert mark.exists()


def cut_off(export: LandedExport) -> None:
    file = export.path / "control.parquet"
    file.write_bytes(file.read_bytes()[:100])


def take_away(export: LandedExport) -> None:
    (export.path / "control.parquet").unlink()


def change_type(export: LandedExport) -> None:
    file = export.path / "control.parquet"
    table = SEAL.read(file)
    place = table.schema.get_field_index("case_reading")
    SEAL.write(table.set_column(place, "case_reading", pa.array([7])), file)


def drop_column(export: LandedExport) -> None:
    file = export.path / "control.parquet"
    SEAL.write(SEAL.read(file).drop_columns(["answer"]), file)


def lose_profile(export: LandedExport) -> None:
    (export.path / "profile.parquet").unlink()


def lose_everything(export: LandedExport) -> None:
    shutil.rmtree(export.path)


@pytest.mark.parametrize(
    "damage", [cut_off, take_away, change_type, drop_column, lose_profile, lose_everything]
)
def test_damaged_landing_fails_its_mission_alone(
    damage: Callable[[LandedExport], None], tmp_path: Path, suites: Path
) -> None:
    tables = {"case": [case(1)], "control": [child(1, "control", means_of_control="ocazional")]}
    landed = [land(tmp_path, mission, tables) for mission in ("BGR", "MDA", "UKR")]
    damage(landed[1])
    verdicts = {v.mission_code: v.status for v in validate(landed, suites)}
    assert verdicts == {"BGR": "accepted", "MDA": "failed", "UKR": "accepted"}


def test_gx_saying_nothing_or_two_things_is_an_error() -> None:
    result = {"element_count": 3, "missing_count": 0, "unexpected_count": 2}
    assert gx._read({}, None).error == "NoResult"
    one = gx._read(result | {"unexpected_index_list": [1]}, {"raised_exception": False})
    assert gx._outcome(one).error == "CountsDisagree"
    agreed = gx._read(result | {"unexpected_index_list": [0, 1]}, None)
    assert gx._outcome(agreed).failed.tolist() == [0, 1]


def test_rows_of_a_kind_that_are_judged_differently_are_an_error(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that looks beyond its row must not be answered for rows that it has not seen."""
    real = gx.run

    def odd(suite: Suite, data: Any) -> list[gx.Outcome]:
        outcomes = real(suite, data)
        if suite.name == "case":  # the second row of the same kind fails, its first does not
            outcomes[3] = gx.Outcome(outcomes[3].checked, np.array([1]))
        return outcomes

    monkeypatch.setattr(gx, "run", odd)
    # Both rows are kept: they differ in other columns, not in the one of this rule.
    landed = land(tmp_path, "MDA", {"case": [case(1), case(2, gender="M")]})
    rule = load_suites(suites)["case"].expectations[3]
    assert "gender" not in rule.needed
    [verdict] = validate([landed], suites)
    assert verdict.status is Status.FAILED
    assert "KindsDisagree" in verdict.message


def test_rows_counted_otherwise_than_gx_are_an_error(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = judge._checked
    monkeypatch.setattr(judge, "_checked", lambda data, rule: ~real(data, rule))
    [verdict] = validate(exports(tmp_path, ("MDA",)), suites)
    assert verdict.status is Status.FAILED
    assert results(verdict)["case.key_repeat"]["status"] == "error"


def test_one_export_a_mission(tmp_path: Path, suites: Path) -> None:
    export = land(tmp_path, "MDA", {})
    with pytest.raises(ValueError, match="one export a mission"):
        validate([export, export], suites)
