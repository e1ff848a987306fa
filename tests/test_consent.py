"""The gate: no case without every explicit yes that its form asks for, and why each is withheld."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.consent import FIELDS, GIVEN, ORDER, REASONS, strongest
from counterflow.contracts import Contract, load_contract
from counterflow.ingest import Landed, ingest
from tests.support import CONTRACT, KEYS, NIGHT, archive, case, table

FULL = """\
consent:
  research:
    from: Consent
    "yes": [yes, agreed]
    "no": ["no"]
    scope: {from: For, many: "; ", codes: {study: research, help: assistance, share: data_sharing, nothing: none}}
    given_on: {from: Given, date: "%d.%m.%Y"}
    withdrawn: Taken back
    withdrawn_on: {from: Withdrawn, date: "%d.%m.%Y"}
    not_withdrawn: [in force]
    form_versions: {from: Form, covers: [C, B], does_not_cover: A}
    guardian: {from: Guardian, "yes": signed, "no": refused, not_needed: of age}
"""
COLUMNS = """\
consent:
  research:
    from: Consent
    "yes": "yes"
    "no": "no"
    scope: {columns: {assistance: Help, data_sharing: Share}, also_needs: [data_sharing]}
    given_on: {from: Given, date: "%d.%m.%Y"}
    withdrawn_on: {from: Withdrawn, date: "%d.%m.%Y"}
    renews: true
"""
GOOD = {
    "Consent": "yes", "For": "help; study", "Given": "01.03.2009", "Taken back": "", "Withdrawn": "",
    "Form": "C", "Guardian": "", "Born": "01.02.1985",
}  # fmt: skip
GOOD_COLUMNS = {
    "Consent": "yes",
    "Help": "",
    "Share": "yes",
    "Given": "01.03.2009",
    "Withdrawn": "",
}
NIGHT_TEXT = NIGHT.strftime("%d.%m.%Y")
TOMORROW = (NIGHT + timedelta(1)).strftime("%d.%m.%Y")


@lru_cache(maxsize=8)
def contract(consent: str) -> Contract:
    head = CONTRACT[: CONTRACT.index("  control:\n    file")].format(
        mission="ALB", encoding="utf-8"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ALB.yml"
        path.write_text(head + consent, "utf-8")
        return load_contract(path)


def land(consent: str, rows: Iterable[dict[str, str]]) -> Landed:
    """What is landed of cases that are sound but for what `rows` say of consent and birth."""
    cases = [case(number) | row for number, row in enumerate(rows)]
    data = archive({"cases.csv": table(cases, tuple(cases[0])).encode()})
    return ingest(data, contract(consent), KEYS, NIGHT)


def why(consent: str, **said: str) -> str:
    """The reason of one case that says what a good one does, but for `said`."""
    good = GOOD if consent is FULL else GOOD_COLUMNS
    found = land(consent, [good | {name.replace("_", " "): text for name, text in said.items()}])
    assert found.rows.num_rows + sum(found.withheld.values()) == 1
    return next(iter(found.withheld), GIVEN)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, GIVEN),
        ({"Consent": "AGREED"}, GIVEN),
        ({"Consent": "no"}, "no_consent"),
        ({"Consent": ""}, "consent_unknown"),
        ({"Consent": "not said"}, "consent_unknown"),
        ({"Consent": "perhaps"}, "consent_unknown"),
        ({"For": "study"}, GIVEN),
        ({"For": "help"}, "consent_out_of_scope"),
        ({"For": "share; help"}, "consent_out_of_scope"),
        ({"For": "nothing"}, "no_consent"),
        ({"For": "study; nothing"}, "no_consent"),
        ({"For": ""}, "consent_unknown"),
        ({"For": "study; the press"}, "consent_unknown"),
        ({"Given": ""}, GIVEN),
        ({"Given": NIGHT_TEXT}, GIVEN),
        ({"Given": TOMORROW}, "consent_unknown"),
        ({"Given": "spring"}, "consent_unknown"),
        ({"Given": "31.02.2009"}, "consent_unknown"),
        ({"Withdrawn": "in force"}, GIVEN),
        ({"Withdrawn": "not said"}, GIVEN),
        ({"Withdrawn": NIGHT_TEXT}, "consent_withdrawn"),
        ({"Withdrawn": TOMORROW}, "consent_withdrawn"),
        ({"Withdrawn": "last week"}, "consent_withdrawn"),
        ({"Withdrawn": "01.03.2009"}, "consent_withdrawn"),
        ({"Withdrawn": "28.02.2009"}, "consent_contradictory"),
        ({"Withdrawn": "28.02.2009", "Given": ""}, "consent_withdrawn"),
        ({"Taken_back": "yes"}, "consent_withdrawn"),
        ({"Taken_back": "In Force"}, GIVEN),
        ({"Form": "b"}, GIVEN),
        ({"Form": "A"}, "consent_out_of_scope"),
        ({"Form": "D"}, "consent_unknown"),
        ({"Form": ""}, "consent_unknown"),
        ({"Born": "01.02.1999"}, "no_guardian_consent"),
        ({"Born": "01.02.1999", "Guardian": "signed"}, GIVEN),
        ({"Born": "01.02.1999", "Guardian": "refused"}, "no_guardian_consent"),
        ({"Born": "01.02.1999", "Guardian": "of age"}, "no_guardian_consent"),
        ({"Born": "01.02.1999", "Guardian": "the aunt"}, "no_guardian_consent"),
        ({"Born": "02.03.1991"}, "no_guardian_consent"),  # 18 the day after registration
        ({"Born": "01.03.1991"}, GIVEN),
        ({"Born": ""}, "no_guardian_consent"),
        ({"Born": "", "Guardian": "of age"}, GIVEN),
        ({"Born": "", "Guardian": "signed"}, GIVEN),
        ({"Born": "31.02.1999"}, "no_guardian_consent"),
        ({"Registered": "soon", "Born": "01.02.1985"}, "no_guardian_consent"),
        ({"Guardian": "refused"}, "no_guardian_consent"),  # of an adult who has a representative
        ({"Guardian": "the aunt"}, "consent_unknown"),
        ({"Guardian": "signed"}, GIVEN),
    ],
    ids=str,
)
def test_each_answer_has_its_reason(said: dict[str, str], reason: str) -> None:
    assert why(FULL, **{"Registered": "01.03.2009", **said}) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, GIVEN),
        ({"Help": "no"}, GIVEN),
        ({"Help": "yes", "Consent": ""}, "consent_out_of_scope"),
        ({"Help": "yes", "Consent": "no"}, "no_consent"),
        ({"Help": "ask"}, "consent_unknown"),
        ({"Share": "no"}, "consent_out_of_scope"),
        ({"Share": ""}, "consent_unknown"),
        ({"Withdrawn": "01.03.2009"}, "consent_withdrawn"),
        ({"Withdrawn": "28.02.2009"}, GIVEN),  # renewed on the day after
        ({"Withdrawn": "28.02.2009", "Given": ""}, "consent_withdrawn"),
        ({"Withdrawn": "28.02.2009", "Given": TOMORROW}, "consent_withdrawn"),
        ({"Withdrawn": "in winter"}, "consent_withdrawn"),
    ],
    ids=str,
)
def test_each_answer_has_its_reason_where_scopes_have_columns(
    said: dict[str, str], reason: str
) -> None:
    assert why(COLUMNS, **said) == reason


def test_scopes_may_be_all_that_a_form_asks() -> None:
    listed = (
        'consent: {research: {from: For, "yes": study, "no": refuses, '
        'scope: {from: For, many: " ", codes: {study: research, later: research, help: assistance}}}}'
    )
    answers = ["help study", "help", "refuses", "study refuses", "", "later", "study perhaps"]
    found = land(listed, [{"For": answer} for answer in answers])
    assert found.rows.num_rows == 1
    # `later` means research too, but the contract does not call it a yes
    assert found.withheld == {"consent_out_of_scope": 1, "no_consent": 2, "consent_unknown": 3}


def test_a_band_of_the_contract_tells_who_is_a_minor(tmp_path: Path) -> None:
    coded = FULL.replace(", not_needed: of age", "")
    head = CONTRACT[: CONTRACT.index("  control:\n    file")].format(
        mission="ALB", encoding="utf-8"
    )
    born = 'age_band: {from: Born, date: "%d.%m.%Y", at: registered_on}'
    assert born in head
    bands = 'age_band: {from: Born, codes: {child: "9-17", grown: "30-38"}}'
    path = tmp_path / "ALB.yml"
    path.write_text(head.replace(born, bands) + coded, "utf-8")
    rows = [GOOD | {"Born": band} for band in ("child", "grown", "elder", "")]
    cases = [case(number) | row for number, row in enumerate(rows)]
    data = archive({"cases.csv": table(cases, tuple(cases[0])).encode()})
    found = ingest(data, load_contract(path), KEYS, NIGHT)
    assert found.withheld == {"no_guardian_consent": 3}
    assert found.rows.column("source_row").to_pylist() == [2]


def test_unknown_answers_are_signalled_by_token_and_never_by_their_text() -> None:
    odd = {"Consent": "ask Zxqvella", "For": "study; Zxqvella", "Given": "Zxqvella's day",
           "Form": "Zxqvella", "Guardian": "aunt Zxqvella", "Withdrawn": "Zxqvella left"}  # fmt: skip
    found = land(FULL, [GOOD | odd, GOOD | odd, GOOD])
    signals = [s for s in found.signals.to_pylist() if s["kind"] == "unmapped_consent"]
    assert {(s["table_name"], s["field"], s["rows"]) for s in signals} == {
        ("case", f"consent.{part}", 2)
        for part in ("from", "scope", "given_on", "form_versions", "guardian", "withdrawn_on")
    }
    assert all(s["detail"].startswith("#") for s in signals)
    assert {s["field"] for s in signals} <= set(FIELDS)
    apart = land(COLUMNS, [GOOD_COLUMNS | {"Help": "ask", "Share": "ask"}]).signals.to_pylist()
    assert {s["field"] for s in apart} == {"consent.scope.assistance", "consent.scope.data_sharing"}
    assert {s["field"] for s in apart} <= set(FIELDS)
    assert "zxqvella" not in str(found).casefold() + str(signals).casefold()


def test_no_day_of_consent_is_landed_and_a_day_to_come_is_read_again() -> None:
    found = land(FULL, [GOOD | {"Given": "17.06.2009"}, GOOD | {"Given": "12.01.2011"}])
    assert found.next_reading == date(2011, 1, 12)  # landing keeps the month
    tables = [*found.tables.values(), found.rows, found.signals, found.withheld_cases]
    assert not any(date(2009, 6, 17) in c.to_pylist() for t in tables for c in t.columns)
    assert not any(
        pa.types.is_date(field.type) and "consent" in field.name
        for t in tables
        for field in t.schema
    )


def test_the_reasons_are_those_of_the_load_and_their_order_has_each() -> None:
    assert sorted(ORDER) == sorted(REASONS)
    assert strongest([GIVEN, "consent_unknown", "no_consent"]) == "no_consent"
    assert strongest([GIVEN]) == strongest([]) == GIVEN


# What may stand in each column: what grants, what is silent, what speaks against.
GRANTS = {
    "Consent": ["yes", "Agreed "], "For": ["study", "help; study", "study; share"],
    "Given": ["01.03.2009", ""], "Taken back": ["", "in force"],
    "Withdrawn": ["", "in force", "not said"], "Form": ["B", "C"], "Guardian": ["signed"],
}  # fmt: skip
OTHERS = {
    "Consent": ["", "no", "-99", "maybe"],
    "For": ["", "help", "nothing", "study; nothing", "study; press", "share; help"],
    "Given": [TOMORROW, "some day", "01.04.2010"],
    "Taken back": ["x", "yes"], "Withdrawn": ["28.02.2009", NIGHT_TEXT, TOMORROW, "gone"],
    "Form": ["", "A", "E"], "Guardian": ["", "refused", "of age", "aunt"],
}  # fmt: skip
ADULT, CHILD, AGELESS = "01.02.1985", "01.02.1999", ""
# Most of a row grants: what one wrong answer does must not be hidden by six others.
ROW = st.tuples(
    st.fixed_dictionaries(
        {name: st.sampled_from(words) for name, words in GRANTS.items()}
        | {"Born": st.sampled_from([ADULT, CHILD, AGELESS])}
    ),
    st.lists(
        st.sampled_from([(name, word) for name, words in OTHERS.items() for word in words]),
        max_size=2,
    ),
).map(lambda drawn: drawn[0] | dict(drawn[1]))


def accepted(rows: list[dict[str, str]]) -> list[bool]:
    """Of each row whether it is landed."""
    kept = set(land(FULL, rows).rows.column("source_row").to_pylist())
    return [number in kept for number in range(1, len(rows) + 1)]


def may_be_used(row: dict[str, str]) -> bool:
    """Law 6, said anew: every explicit yes is there, and nothing is taken back."""
    for name in ("Consent", "For", "Taken back", "Withdrawn", "Form"):
        if row[name] not in GRANTS[name]:
            return False
    if row["Given"] not in (*GRANTS["Given"], "01.04.2010"):
        return False
    return row["Guardian"] in {
        ADULT: ("", "signed", "of age"), CHILD: ("signed",), AGELESS: ("signed", "of age"),
    }[row["Born"]]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40))
def test_nobody_is_accepted_without_every_explicit_yes(rows: list[dict[str, str]]) -> None:
    assert accepted(rows) == [may_be_used(row) for row in rows]


# What a cell says against the case: to take it away is to take back an objection.
OBJECTIONS = {
    "For": ("nothing", "study; nothing", "study; press"), "Given": (TOMORROW, "some day"),
    "Taken back": ("x", "yes"), "Withdrawn": tuple(OTHERS["Withdrawn"]),
    "Guardian": ("refused", "aunt", "of age"),
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(ROW, st.sets(st.sampled_from([*GRANTS, "Born"]), min_size=1)), max_size=30)
)
def test_less_information_never_turns_withheld_into_accepted(
    drawn: list[tuple[dict[str, str], set[str]]],
) -> None:
    """Whatever is blanked or left out of a list, but for what was said against the case."""
    rows, less = [], []
    for row, names in drawn:
        blanked = {n for n in names if row[n] not in OBJECTIONS.get(n, ())}
        fewer = (
            {"For": row["For"].partition("; ")[2]} if row["For"] not in OBJECTIONS["For"] else {}
        )
        rows += [row, row]
        less += [row | dict.fromkeys(blanked, ""), row | fewer]
        if row["Guardian"] == "of age":
            less[-2]["Born"] = row["Born"]  # else a child's contradiction would be taken back
    if rows:
        pairs = zip(accepted(less), accepted(rows), strict=True)
        assert all(whole for part, whole in pairs if part)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ROW, st.sampled_from(sorted(OTHERS))), min_size=1, max_size=10))
def test_what_speaks_against_a_case_never_helps_it(drawn: list[tuple[dict[str, str], str]]) -> None:
    """Any answer in place of one that grants leaves a withheld case withheld."""
    both = [
        (row | {name: other}, row | {name: GRANTS[name][0]})
        for row, name in drawn
        for other in OTHERS[name]
    ]
    worse, granted = accepted([w for w, _ in both]), accepted([g for _, g in both])
    assert all(best for found, best in zip(worse, granted, strict=True) if found)


@settings(max_examples=20, deadline=None)
@given(st.permutations([GOOD | {"Consent": answer} for answer in ("yes", "no", "", "yes")]))
def test_rows_of_one_case_share_the_strongest_reason(rows: list[dict[str, str]]) -> None:
    """In whatever order they stand: a repeat of a yes wins nothing."""
    cases = [case("A-1") | row for row in rows]
    data = archive({"cases.csv": table(cases, tuple(cases[0])).encode()})
    assert ingest(data, contract(FULL), KEYS, NIGHT).withheld == {"no_consent": 4}


def test_every_two_answers_together_are_judged_as_the_law_says() -> None:
    """All pairs, whatever Hypothesis draws; each reason is met, and acceptance too."""
    rows = [
        GOOD | {"Guardian": "signed", "Born": born, one: a, two: b}
        for one, two in itertools.combinations(GRANTS, 2)
        for a in GRANTS[one] + OTHERS[one]
        for b in GRANTS[two] + OTHERS[two]
        for born in (ADULT, CHILD, AGELESS)
    ]
    assert accepted(rows) == [may_be_used(row) for row in rows]
    assert set(land(FULL, rows).withheld) == set(REASONS) - {"erased"}
    assert any(map(may_be_used, rows))
