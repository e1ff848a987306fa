"""The scenario of five nights: who delivers what, and which truth goes with it."""

from __future__ import annotations

import csv
from collections import Counter

from tests.synthetic import reading
from tests.synthetic.conftest import World

NIGHTS = [f"2010-11-{day}" for day in (25, 26, 27, 28, 29)]


def states(world: World, night: str) -> dict[str, str]:
    with (world.out / "truth" / night / "files.csv").open(encoding="utf-8") as file:
        return {row["mission_code"]: row["status"] for row in csv.DictReader(file)}


def test_statuses(small: World) -> None:
    assert set(states(small, NIGHTS[0]).values()) == {"loaded"}
    second = states(small, NIGHTS[1])
    assert second["IDN"] == "late"
    assert {m for m, s in second.items() if s == "refused"} == {"GHA", "HND", "THA"}
    third = states(small, NIGHTS[2])
    assert {third[m] for m in ("IDN", "GHA", "HND", "THA")} == {"loaded"}
    assert Counter(second.values())["unchanged"] > len(second) / 3


def test_truth_stands_where_an_export_is_to_be_loaded(small: World) -> None:
    for night in NIGHTS:
        folder = small.out / "truth" / night
        loaded = {m for m, s in states(small, night).items() if s == "loaded"}
        assert {path.name for path in folder.iterdir() if path.is_dir()} == loaded


def test_unchanged_is_the_last_good_export_byte_by_byte(small: World) -> None:
    last: dict[str, bytes] = {}
    for night in NIGHTS:
        for mission, status in states(small, night).items():
            folder = small.out / "exports" / mission
            if status == "late":
                assert not [p for p in folder.rglob("*") if night.replace("-", "") in p.name]
                continue
            content = reading.export(folder, night).read_bytes()
            if status == "unchanged":
                assert content == last[mission]
            else:
                assert content != last.get(mission)
            if status == "loaded":
                last[mission] = content


def test_a_withdrawn_consent_takes_the_case_away(small: World) -> None:
    def withdrawn(night: str) -> set[object]:
        return {row["case_number"] for row in small.truth("MDA", "rows", night)
                if row["reason"] == "consent_withdrawn"}  # fmt: skip

    new = withdrawn(NIGHTS[1]) - withdrawn(NIGHTS[0])
    assert new
    before = {case["case_number"] for case in small.truth("MDA", "case", NIGHTS[0])}
    after = {case["case_number"] for case in small.truth("MDA", "case", NIGHTS[1])}
    assert before & new
    assert not after & new
    assert after - before  # new cases came


def test_refused_files_are_wrong_in_three_ways(small: World) -> None:
    exports = small.out / "exports"
    assert reading.export(exports / "HND", NIGHTS[1]).read_bytes().startswith(b"<html>")
    whole = reading.sources(exports / "THA", NIGHTS[0])["case"]
    half = reading.sources(exports / "THA", NIGHTS[1])["case"]
    assert len(half) < 0.7 * len(whole)
    usual = reading.sources(exports / "GHA", NIGHTS[0])["case"][0]
    renamed = reading.sources(exports / "GHA", NIGHTS[1])["case"][0]
    assert set(renamed) - set(usual) == {"prs_Gender_2"}


def test_updates_change_few_cases(small: World) -> None:
    before = {c["case_number"]: c for c in small.truth("UKR", "case", NIGHTS[0])}
    after = {c["case_number"]: c for c in small.truth("UKR", "case", NIGHTS[1])}
    changed = [n for n in before if n in after and before[n] != after[n]]
    assert len(changed) < 0.15 * len(before)
    for number in changed:
        differing = {k for k in before[number] if before[number][k] != after[number][k]}
        assert differing <= {"case_status", "marital_status"}  # worked on, or corrected


def cases(world: World, mission: str, night: int) -> set[object]:
    """Case numbers of the truth of a night."""
    return {case["case_number"] for case in world.truth(mission, "case", NIGHTS[night - 1])}


def test_cases_vanish_and_come_back(small: World) -> None:
    folder = small.out / "exports" / "MDA"
    first, second, third, fifth = (
        {row[reading.key(folder)] for row in reading.sources(folder, NIGHTS[night - 1])["case"]}
        for night in (1, 2, 3, 5)
    )
    gone = first - second
    assert len(gone) == 2
    assert len(gone & third) == 1
    assert gone <= fifth
    assert gone & cases(small, "MDA", 1) - cases(small, "MDA", 2)
    told = {fate["case_number"] for fate in small.truth("MDA", "rows", NIGHTS[1])}
    assert not told & gone


def test_a_merged_record_counts_for_its_survivor(small: World) -> None:
    """Read by hand from the dump: who says `mergedInto`, and where its parts are."""
    for night in (2, 4):
        read = reading.sources(small.out / "exports" / "NPL", NIGHTS[night - 1])["case"]
        into = {row["caseNumber"]: row["mergedInto"] for row in read if row["mergedInto"]}
        assert len(into) == {2: 3, 4: 4}[night]
        numbers = {row["caseNumber"] for row in read}
        fates = {fate["case_number"]: fate for fate in small.truth("NPL", "rows", NIGHTS[night - 1])
                 if fate["source"] == "case"}  # fmt: skip
        published = cases(small, "NPL", night)
        assert not published & set(into)
        for record, survivor in into.items():
            if survivor not in numbers:
                assert fates[record]["rule_id"] in ("case.merged_known", None)
                assert fates[record]["outcome"] in ("quarantined", "withheld")
                continue
            while survivor in into:
                survivor = into[survivor]
            assert fates[record]["outcome"] == fates[survivor]["outcome"]
            assert fates[record]["reason"] == fates[survivor]["reason"]
            if survivor not in published:
                continue
            given = {row["caseNumber"]: row for row in read}
            services = sum(len(given[n]["assistance"]) for n in (record, survivor))
            held = [s for s in small.truth("NPL", "assistance", NIGHTS[night - 1])
                    if s["case_number"] == survivor]  # fmt: skip
            assert len(held) >= services - 1  # a row may be quarantined
            tables = ("assistance", "control", "citizenship", "screening", "vulnerability")
            for table in tables:
                rows = small.truth("NPL", table, NIGHTS[night - 1])
                assert record not in {row["case_number"] for row in rows}
    assert any(fate["rule_id"] == "case.merged_known"
               for fate in small.truth("NPL", "rows", NIGHTS[1]))  # fmt: skip


def test_a_refusal_on_a_merged_record_withholds_the_case_that_took_it_in(small: World) -> None:
    read = reading.sources(small.out / "exports" / "NPL", NIGHTS[1])["case"]
    said = {row["caseNumber"]: row["consent"]["research"] for row in read}
    (record,) = (row for row in read if row["mergedInto"] and said[row["caseNumber"]] == "denied")
    assert said[record["mergedInto"]] == "granted"
    fates = [fate for fate in small.truth("NPL", "rows", NIGHTS[1])
             if fate["case_number"] in (record["caseNumber"], record["mergedInto"])]  # fmt: skip
    assert {fate["reason"] for fate in fates} == {"no_consent"}
    assert record["mergedInto"] in cases(small, "NPL", 1)


def test_a_bulk_load_is_a_surge_of_old_cases(small: World) -> None:
    def registered(night: int, year: int) -> int:
        return sum(case["registration_year"] == year
                   for case in small.truth("SEN", "case", NIGHTS[night - 1]))  # fmt: skip

    assert registered(5, 2009) > 2 * registered(2, 2009)
    assert registered(5, 2008) == registered(2, 2008)


def test_a_form_changes_and_nobody_was_told(small: World) -> None:
    folder = small.out / "exports" / "COL"
    before, after = (reading.sources(folder, night)["case"][0] for night in NIGHTS[:2])
    assert set(after) - set(before) == {"relato_nuevo"}
    assert "relato_nuevo" not in (folder / "FORM.txt").read_text(encoding="utf-8")
