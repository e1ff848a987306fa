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


def by_case(world: World, mission: str, table: str) -> dict[Any, list[dict[str, Any]]]:
    """Truth rows of a table by case number."""
    held: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in world.truth(mission, table):
        held[row["case_number"]].append(row)
    return held


def test_a_flat_survey_read_by_hand(full: World) -> None:
    """Ghana's survey: groups of columns become rows, numbers become bands."""
    cases = {case["case_number"]: case for case in full.truth("GHA", "case")}
    tables = {name: by_case(full, "GHA", name) for name in (
        "referral", "screening", "online_platform", "perpetrator", "perpetrator_role",
        "recruitment", "vulnerability", "sexual_exploitation")}  # fmt: skip
    nothing = ("", "-99")
    months = Counter()  # type: Counter[str]
    for row in reading.sources(full.out / "exports" / "GHA", NIGHT)["case"]:
        case = cases.get(row["case_no"])
        if case is None:
            continue

        def of(table: str, number: str = row["case_no"]) -> list[dict[str, Any]]:
            return tables[table][number]

        children = row["prs_NumberOfChildren"]
        expected = "unknown" if children in nothing else ["0", "1-2", "1-2"][int(children)] \
            if int(children) < 3 else "3+"  # fmt: skip
        assert case["children_band"] == expected
        spoken = row["prs_Primary_Language"]
        rare = {"aka", "gag", "kur", "nya", "que", "tet"}
        assert case["primary_language"] == (
            "unknown" if spoken in nothing else "other" if spoken in rare else spoken
        )
        assert case["is_deceased"] == "not_asked"
        columns = ("cas_IncomingReferralDate", "cas_ReasonForIncomingReferral",
                   "cas_ReferringOrganisationType", "cas_ReferringOrganisationCountry")  # fmt: skip
        incoming = [row[c] for c in columns]
        assert len(of("referral")) == any(cell not in nothing for cell in incoming)
        for referral in of("referral"):
            assert referral["direction"] == "incoming"
            months["referral"] += referral["referred_month"] is not None
        decided = [
            name for name in ("police", "ngo", "court")
            if row[f"status_{name}"] not in nothing or row[f"status_{name}_date"] not in nothing
        ]  # fmt: skip
        assert len(of("screening")) == len(decided)
        used = [item for c in ("vic_RecruitmentWebsitesAndApps", "vic_ExploitationWebsitesAndApps")
                for item in row[c].split() if item not in nothing]  # fmt: skip
        assert len(of("online_platform")) == len(used)
        for number in ("1", "2"):
            roles = [r for r in row[f"per{number}_RoleInProcess"].split() if r not in nothing]
            held = [r for r in of("perpetrator_role") if r["perpetrator_number"] == int(number)]
            assert len(held) == len(roles)
            (first,) = [p["role"] for p in of("perpetrator")
                        if p["perpetrator_number"] == int(number)] or [None]  # fmt: skip
            assert first == (held[0]["role"] if held else first)
            filled = any(row[f"per{number}_{c}"] not in nothing
                         for c in ("RoleInProcess", "Gender", "Age"))  # fmt: skip
            assert (first is not None) == filled
        assert len(of("vulnerability")) == 18
        chosen = {(v["level"], v["factor"]) for v in of("vulnerability") if v["answer"] == "yes"}
        ticked = sum(len([f for f in row[f"vul_{level}"].split() if f not in nothing])
                     for level in ("individual", "household", "community"))  # fmt: skip
        assert len(chosen) == ticked
        months["checked"] += 1
    assert months["checked"] >= len(cases)
    assert months["referral"] > 50
    assert sum(len(rows) for rows in tables["sexual_exploitation"].values()) > 10


def test_a_nested_dump_read_by_hand(full: World) -> None:
    cases = {case["case_number"]: case for case in full.truth("NPL", "case")}
    events, roles = by_case(full, "NPL", "event"), by_case(full, "NPL", "perpetrator_role")
    platforms = by_case(full, "NPL", "online_platform")
    spoilt = {fate["case_number"] for fate in full.truth("NPL", "rows")
              if fate["outcome"] == "quarantined"}  # fmt: skip
    for row in reading.sources(full.out / "exports" / "NPL", NIGHT)["case"]:
        number = row["caseNumber"]
        if number not in cases or number in spoilt:
            continue
        said = {True: "yes", False: "no", None: "unknown"}[row["person"]["deceased"]]
        assert cases[number]["is_deceased"] == said
        assert [e["year"] for e in events[number]] == [
            int(e["year"]) if e["year"] not in (None, "", "N/A") else None for e in row["events"]
        ]
        assert len(roles[number]) == sum(len(p["roles"]) for p in row["perpetrators"])
        assert [(p["purpose"], p["platform"].replace("_", "")) for p in platforms[number]] == [
            (p["purpose"], p["name"].lower()) for p in row["onlinePlatforms"]
        ]


def test_what_a_form_does_not_ask_is_not_asked(full: World) -> None:
    for mission, field in (("IDN", "children_band"), ("IDN", "is_deceased"),
                           ("MDA", "age_band_when_trafficked"), ("UKR", "primary_language")):  # fmt: skip
        assert {case[field] for case in full.truth(mission, "case")} == {"not_asked"}
    old = [case for case in full.truth("UKR", "case") if int(str(case["registration_year"])) < 2009]
    assert {case["children_band"] for case in old} == {"not_asked"}
    assert {row["direction"] for row in full.truth("IDN", "referral")} == {"incoming", "outgoing"}
    assert {row["organisation_type"] for row in full.truth("IDN", "referral")} == {"not_asked"}
    assert {row["purpose"] for row in full.truth("COL", "online_platform")} == {"recruitment"}
    assert not full.truth("MDA", "event")
    assert full.truth("UKR", "event")
