"""A verdict is kept, is the same however it was made, and is made again when its causes change."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.canonical import TABLES
from counterflow.validation import LandedExport, Status, Verdict, gx, judge, rules_hash, validate

from .landing import SEAL, case, child, code_map, failures, land, results

TOKEN = "#" + "0" * 31 + "7"


def night(root: Path, **changes: Any) -> list[LandedExport]:
    """Three missions: one with quarantined rows, one refused, one without any row."""
    controls = [child(n, "control", means_of_control=TOKEN) for n in (1, 2)]
    moldova = {"case": [case(1), case(2, key_reading="repeat")], "control": controls}
    before = {"case": {"rows": 50, "newest_month": date(2010, 3, 1)}}
    return [
        land(root, "MDA", moldova, **changes),
        land(root, "ROU", {"case": [case(1)]}, previous=before),
        land(root, "UKR", {}),
    ]


def mapped(table: str, field: str, local: str, code: str) -> list[tuple[str, str, str, str]]:
    """What a repair adds to a code map: the local code, and the token under which it has landed."""
    return [(table, field, spelling, code) for spelling in (local, TOKEN)]


def files(verdict: Verdict) -> dict[str, Any]:
    """What each file holds; the bytes of what is encrypted always differ."""
    return {
        file.name: SEAL.read(file).to_pylist() if file.suffix == ".parquet" else file.read_text()
        for file in sorted(verdict.folder.iterdir())
    }


def test_a_verdict_lies_beside_its_export(tmp_path: Path, suites: Path) -> None:
    exports = night(tmp_path)
    verdicts = validate(exports, suites)
    assert [v.mission_code for v in verdicts] == ["MDA", "ROU", "UKR"]
    assert [v.status for v in verdicts] == ["accepted", "refused", "accepted"]
    for export, verdict in zip(exports, verdicts, strict=True):
        assert verdict.folder == export.path / f"verdict-{rules_hash(export, suites)[:8]}"
        assert set(files(verdict)) == {"failures.parquet", "results.parquet", "verdict.json"}
        assert [p.name for p in export.path.glob(".tmp*")] == []
    kept = json.loads((verdicts[1].folder / "verdict.json").read_text())
    assert (kept["mission_code"], kept["status"]) == ("ROU", "refused")
    assert [r["rule_id"] for r in kept["reasons"]] == ["profile.rows_fall"]
    assert verdicts[0].quarantined == 3


def test_a_kept_verdict_is_read_and_nothing_is_judged_again(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = night(tmp_path)
    first = validate(exports, suites)
    written = [files(v) for v in first]
    times = [(v.folder / "verdict.json").stat().st_mtime_ns for v in first]

    def never(*_: Any) -> Any:
        raise AssertionError("judged again")

    monkeypatch.setattr(gx, "run", never)
    monkeypatch.setattr(gx, "check", never)
    tomorrow = [dataclasses.replace(e, night=date(2010, 11, 26)) for e in exports]
    assert validate(tomorrow, suites) == first
    assert [files(v) for v in first] == written
    assert [(v.folder / "verdict.json").stat().st_mtime_ns for v in first] == times


def test_neither_order_nor_company_nor_shards_change_a_byte(tmp_path: Path, suites: Path) -> None:
    together = validate(night(tmp_path / "a"), suites)
    backwards = validate(night(tmp_path / "b")[::-1], suites)
    apart = validate(night(tmp_path / "c"), suites, max_rows_per_shard=1)
    alone = [validate([export], suites)[0] for export in night(tmp_path / "d")]
    assert [v.mission_code for v in backwards] == ["UKR", "ROU", "MDA"]
    expected = [files(v) for v in together]
    assert [files(v) for v in backwards[::-1]] == expected
    assert [files(v) for v in apart] == expected
    assert [files(v) for v in alone] == expected


def test_shards_hold_as_many_missions_as_fit(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"  # a mission that fills a shard is judged in another process
    real = judge._judge

    def noting(parts: Any, suite: Any) -> Any:
        if suite.name == "case":
            with asked.open("a") as file:
                file.write(" ".join(part.mission_code for part in parts) + "\n")
        return real(parts, suite)

    monkeypatch.setattr(judge, "_judge", noting)
    sizes = {"ALB": 2, "BGR": 1, "MDA": 9, "ROU": 1, "UKR": 1}
    exports = [
        land(tmp_path, mission, {"case": [case(n) for n in range(1, rows + 1)]})
        for mission, rows in sizes.items()
    ]
    seen: list[tuple[str, int, int]] = []
    validate(exports, suites, lambda *step: seen.append(step), max_rows_per_shard=3)
    assert asked.read_text().splitlines() == ["ALB BGR", "MDA", "ROU UKR"]
    steps = 3 * (len(TABLES) + 1)  # each shard: every table, and the profiles
    assert [done for _, done, _ in seen] == list(range(1, steps + 1))
    assert {total for _, _, total in seen} == {steps}


def test_a_repaired_mapping_resolves_rows_from_landing(tmp_path: Path, suites: Path) -> None:
    [export, *_] = night(tmp_path)
    [before] = validate([export], suites)
    rule = "control.means_of_control_mapped"
    assert {failed for *_, failed in failures(before)} == {rule, "case.key_repeat"}

    known = code_map(mapped("control", "means_of_control", "datorii", "debt_bondage"))
    repaired = dataclasses.replace(export, code_map=known)
    [after] = validate([repaired], suites)
    assert after.folder != before.folder
    assert before.folder.is_dir()
    assert failures(after) == {("case", "case", 2, "case.key_repeat")}
    assert results(after)[rule]["status"] == "passed"
    # Taking the mapping back finds the first verdict again.
    assert validate([export], suites) == [before]


def test_a_repaired_mapping_lifts_a_refusal(tmp_path: Path, suites: Path) -> None:
    rows = [case(n, gender=TOKEN) for n in range(1, 13)]  # 12 of 36 coded values
    export = land(tmp_path, "MDA", {"case": rows})
    [refused] = validate([export], suites)
    assert [r.rule_id for r in refused.reasons] == ["profile.unmapped_share"]
    known = code_map(mapped("case", "gender", "femeie", "female"))
    [accepted] = validate([dataclasses.replace(export, code_map=known)], suites)
    assert accepted.status is Status.ACCEPTED


def test_a_code_known_elsewhere_is_not_known_here(tmp_path: Path, suites: Path) -> None:
    control = [child(1, "control", means_of_control=TOKEN)]
    table = {"case": [case(1)], "control": control}
    other_field = code_map([("vulnerability", "factor", TOKEN, "other")])
    known = code_map([("control", "means_of_control", TOKEN, "other")])
    exports = [
        land(tmp_path, "MDA", table, codes=other_field),  # another field of the same mission
        land(tmp_path, "UKR", table, codes=known),  # and the same field of another mission
    ]
    first, second = validate(exports, suites)
    assert failures(first) == {("control", "control", 1, "control.means_of_control_mapped")}
    assert failures(second) == set()


def test_a_failed_verdict_is_tried_again(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = night(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(gx, "run", lambda *_: 1 / 0)
        assert {v.status for v in validate(exports[:2], suites)} == {Status.FAILED}
    first = validate(exports, suites)
    assert [v.status for v in first] == ["accepted", "refused", "accepted"]
    assert results(first[0])["case.key_repeat"]["status"] == "failed"
    assert sorted(p.name for p in exports[0].path.iterdir() if p.is_dir()) == [first[0].folder.name]


def test_a_half_written_or_foreign_verdict_is_not_believed(tmp_path: Path, suites: Path) -> None:
    [export, *_] = night(tmp_path)
    [verdict] = validate([export], suites)
    good = files(verdict)
    (verdict.folder / "verdict.json").write_text('{"mission_code": "MDA", "sta')
    assert validate([export], suites) == [verdict]
    assert files(verdict) == good
    other = json.loads(good["verdict.json"]) | {"rules": "f" * 64, "status": "refused"}
    (verdict.folder / "verdict.json").write_text(json.dumps(other))
    assert validate([export], suites) == [verdict]
    assert files(verdict) == good


def test_the_hash_follows_every_cause_and_nothing_else(tmp_path: Path, suites: Path) -> None:
    [export, *_] = night(tmp_path)
    extra = ("case", "gender", "X", "male")
    base = rules_hash(export, suites)
    causes = {
        "code": dataclasses.replace(export, code_map=code_map([extra])),
        "meaning": dataclasses.replace(export, code_map=code_map([(*extra[:3], "female")])),
        "assertion": dataclasses.replace(export, assertions={"case": {"min_rows": 1}}),
        "history": dataclasses.replace(
            export, previous={"case": {"rows": 1, "newest_month": date(2010, 3, 1)}}
        ),
        "newer history": dataclasses.replace(
            export, previous={"case": {"rows": 1, "newest_month": date(2010, 4, 1)}}
        ),
    }
    hashes = {name: rules_hash(changed, suites) for name, changed in causes.items()}
    shutil.copytree(suites, tmp_path / "suites")
    file = tmp_path / "suites" / "control.json"
    file.write_text(file.read_text().replace("critical", "warning", 1))
    hashes["suite"] = rules_hash(export, tmp_path / "suites")
    assert len({base, *hashes.values()}) == 1 + len(hashes)

    same = dataclasses.replace(export, night=date(2011, 1, 1), path=tmp_path)
    labelled = export.code_map.append_column(
        "label", pa.array(["a"] * export.code_map.num_rows, pa.string())
    )
    assert rules_hash(same, suites) == base
    assert rules_hash(dataclasses.replace(export, code_map=labelled), suites) == base


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_code_map_changes_no_hash(random: Any) -> None:
    from counterflow.settings import PROJECT

    table = code_map([("case", "gender", "X", None)])
    places = list(range(table.num_rows))
    random.shuffle(places)
    export = LandedExport("MDA", Path("x"), table, {}, None, date(2010, 11, 25), SEAL)
    shuffled = dataclasses.replace(export, code_map=table.take(pa.array(places)))
    folder = PROJECT / "expectations"
    assert rules_hash(shuffled, folder) == rules_hash(export, folder)
