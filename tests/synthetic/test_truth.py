"""The truth against the files: every row has one fate, and values agree with the bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Any

import pytest

from counterflow.synthetic import defects
from tests.synthetic import reading
from tests.synthetic.conftest import World

NIGHT = "2010-11-25"
TABLES = ("citizenship", "exploitation", "control", "recruitment", "route_leg", "perpetrator",
          "vulnerability", "assistance", "local_attribute")  # fmt: skip
NUMBERED = {"_index", ""}


def empty(row: dict[str, Any]) -> bool:
    return all(value in ("", None) for name, value in row.items() if name not in NUMBERED)


def test_every_source_row_has_one_fate(full: World) -> None:
    for mission in full.missions():
        folder = full.out / "exports" / mission
        fates: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for fate in full.truth(mission, "rows"):
            fates[str(fate["source"])].append(fate)
        read = reading.sources(folder, NIGHT)
        assert set(fates) <= set(read)
        for source, rows in read.items():
            places = sorted(fate["source_row"] for fate in fates[source])
            assert places == list(range(1, len(rows) + 1)), (mission, source)
            blank = {fate["source_row"] for fate in fates[source] if fate["outcome"] == "blank"}
            assert blank == {n for n, row in enumerate(rows, 1) if empty(row)}, (mission, source)


def test_case_numbers_are_as_written(full: World) -> None:
    for mission in full.missions():
        folder = full.out / "exports" / mission
        read, key = reading.sources(folder, NIGHT), reading.key(folder)
        for fate in full.truth(mission, "rows"):
            row = read[str(fate["source"])][int(str(fate["source_row"])) - 1]
            if key in row:
                assert (row[key] or None) == fate["case_number"]


def test_fates_and_reasons_go_together(full: World) -> None:
    for mission in full.missions():
        case_fates: dict[Any, set[Any]] = defaultdict(set)
        for fate in full.truth(mission, "rows"):
            assert (fate["rule_id"] is not None) == (fate["outcome"] == "quarantined")
            assert (fate["reason"] is not None) == (fate["outcome"] == "withheld")
            if fate["source"] == "case":
                case_fates[fate["case_number"]].add(fate["outcome"])
        accepted = {number for number, fates in case_fates.items() if "accepted" in fates}
        cases = [case["case_number"] for case in full.truth(mission, "case")]
        assert len(cases) == len(set(cases))
        assert set(cases) == accepted
        for table in TABLES:
            assert {row["case_number"] for row in full.truth(mission, table)} <= accepted
        for fate in full.truth(mission, "rows"):
            if fate["source"] != "case" and fate["outcome"] == "accepted":
                assert fate["case_number"] in accepted


def test_small_missions_keep_most_rows(full: World) -> None:
    for mission in full.missions():
        fates = Counter(
            row["outcome"] for row in full.truth(mission, "rows") if row["source"] == "case"
        )
        filled = sum(fates.values()) - fates["blank"]
        assert fates["accepted"] / filled > 0.7, mission


def test_repeats_are_identical_and_conflicts_differ(full: World) -> None:
    seen = Counter()  # type: Counter[str]
    for mission in full.missions():
        folder = full.out / "exports" / mission
        rows, key = reading.sources(folder, NIGHT)["case"], reading.key(folder)
        by_number: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if row[key]:
                by_number[row[key]].append({k: v for k, v in row.items() if k not in NUMBERED})
        for fate in full.truth(mission, "rows"):
            if fate["rule_id"] in ("case.key_repeat", "case.key_conflict"):
                same = by_number[str(fate["case_number"])]
                assert len(same) == 2
                repeat = fate["rule_id"] == "case.key_repeat"
                assert (same[0] == same[1]) == repeat, (mission, fate)
                seen[str(fate["rule_id"])] += 1
    assert len(seen) == 2


def test_defect_rates(full: World) -> None:
    rules: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    cases = 0
    for mission in full.missions():
        for fate in full.truth(mission, "rows"):
            if fate["source"] == "case" and fate["outcome"] != "blank":
                cases += 1
                rules[str(fate["rule_id"])] += 1
                reasons[str(fate["reason"])] += 1

    def near(count: int, rate: float) -> bool:
        return 0.4 * rate < count / cases < 2 * rate

    assert near(reasons["no_consent"], 0.06)
    assert near(reasons["consent_unknown"], 0.02)
    assert near(reasons["consent_withdrawn"], 0.005)
    assert near(rules["case.key_repeat"], defects.REPEATED_ROW)
    assert near(rules["case.key_conflict"], 2 * defects.CONFLICTING_ROW)
    assert near(rules["case.registered_on_not_before_birth"], defects.BEFORE_BIRTH)
    assert near(rules["case.age_band_readable"], defects.UNREADABLE_AGE)
    mapped = sum(count for rule, count in rules.items() if rule.endswith("_mapped"))
    assert near(mapped, defects.UNMAPPED_CODE)
    assert sum(rules.values()) - rules["None"] < 0.03 * cases


@pytest.mark.parametrize("mission", ["UKR", "MDA"])
def test_values_read_by_hand(full: World, mission: str) -> None:
    """Two relational missions read once more, in a few lines written for them alone."""
    ukraine = mission == "UKR"
    columns = {
        True: ("Номер справи", "Дата реєстрації", "Дата народження", "Стать", "Праця"),
        False: ("Nr. caz", "Data înregistrării", "Data naşterii", "Sex", "Muncă"),
    }[ukraine]
    number, registered, born, sex, labour = columns
    labour = "Труд. эксплуатация" if labour == "Праця" else labour
    read = reading.sources(full.out / "exports" / mission, NIGHT)
    truth = {case["case_number"]: case for case in full.truth(mission, "case")}
    header = next(h for h in read["case"][0] if h.startswith(("Труд", "Muncă")))
    checked = 0
    for row in read["case"]:
        if row[number] not in truth or truth[row[number]] is None:
            continue
        case = truth[row[number]]
        day = datetime.strptime(row[registered], "%d.%m.%Y").date()
        assert case["registered_month"] == day.replace(day=1)
        expected = {"ж": "feminine", "ч": "masculine", "F": "feminine", "M": "masculine"}
        assert case["gender"] == expected.get(row[sex], "non_specified_unknown")
        answers = {"1": "yes", "0": "no", "da": "yes", "nu": "no"}
        assert case["is_forced_labour"] == answers.get(row[header], "unknown")
        assert case["age_band"] == band(row[born], day)
        checked += 1
    assert checked >= len(truth)
    if ukraine:
        control = {(r["case_number"], r["means_of_control"]): r["answer"]
                   for r in full.truth(mission, "control")}  # fmt: skip
        for row in read["control"]:
            if row[number] in truth and row["M06"] in ("0", "1"):
                said = control[row[number], "physical_abuse"]
                assert said == {"1": "yes", "0": "no"}[row["M06"]]


def band(born: str, day: date) -> str:
    try:
        birth = datetime.strptime(born, "%d.%m.%Y").date()
    except ValueError:
        return "unknown"
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    for top, name in ((8, "0-8"), (17, "9-17"), (20, "18-20"), (23, "21-23"), (26, "24-26"),
                      (29, "27-29"), (38, "30-38"), (47, "39-47")):  # fmt: skip
        if years <= top:
            return name
    return "48+"


def test_control_answers_follow_the_form(full: World) -> None:
    modes = {"MDA": {"yes", "unknown"}, "THA": {"yes", "no", "unknown"}, "GHA": {"yes", "no",
             "unknown"}, "IDN": {"yes", "unknown"}, "UKR": {"yes", "no", "unknown"}}  # fmt: skip
    for mission, answers in modes.items():
        rows = full.truth(mission, "control")
        assert {row["answer"] for row in rows} == answers
        assert len({(r["case_number"], r["means_of_control"]) for r in rows}) == len(rows)
    old = {c["case_number"] for c in full.truth("UKR", "case")
           if int(str(c["registration_year"])) <= 2008}  # fmt: skip
    items = {r["means_of_control"] for r in full.truth("UKR", "control")
             if r["case_number"] in old}  # fmt: skip
    assert len(items) == 14
    assert "debt_bondage" not in items
