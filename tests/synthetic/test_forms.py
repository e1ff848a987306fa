"""Forms: what they write can be written in their encoding, read back, and is explained."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.synthetic import answers, forms, notes, people
from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.forms.base import Form, kept_by_macro
from counterflow.synthetic.missions import MISSIONS
from counterflow.synthetic.standard import labels, snake

FORMS = {mission.code: forms.build(mission) for mission in MISSIONS}
# Lists that stand in one cell, several items at once.
IN_ONE_CELL = ("recruitment_method", "means_of_control", "exploitation_type", "labour_sector",
               "service_type", "vulnerability_factor")  # fmt: skip


@pytest.mark.parametrize("code", FORMS)
def test_headers_are_unique_and_everything_can_be_encoded(code: str) -> None:
    form = FORMS[code]
    for columns in form.sources.values():
        headers = [column.header for column in columns]
        assert len(headers) == len(set(headers))
    words = [*form.countries.values(), *form.missing]
    words += [local for held in form.lists.values() for local in held.values()]
    words += [c.header for columns in form.sources.values() for c in columns]
    for word in words:
        word.encode(form.mission.encoding)


@pytest.mark.parametrize("code", FORMS)
def test_codes_are_distinct_and_no_code_means_missing(code: str) -> None:
    form = FORMS[code]
    for name, held in form.lists.items():
        assert len(set(held.values())) == len(held), name
        if not name.startswith("control_answer"):
            assert not set(held.values()) & set(form.missing), name
    assert len(set(form.countries.values())) == len(form.countries)


@pytest.mark.parametrize("code", FORMS)
def test_the_note_names_every_column_and_code(code: str) -> None:
    form = FORMS[code]
    text = notes.write(form)
    for columns in form.sources.values():
        for column in columns:
            assert repr(column.header) in text
            if column.codes and column.codes != "countries":
                assert f"[{column.codes}]" in text


def longest_match(cell: str, items: list[str], joiner: str) -> list[str]:
    found = []
    while cell:
        fits = [i for i in items if cell.startswith(i) and cell[len(i) :][:1] in ("", joiner[0])]
        assert fits, cell
        best = max(fits, key=len)
        found.append(best)
        cell = cell[len(best) :].removeprefix(joiner)
    return found


@pytest.mark.parametrize("code", ["IDN", "GHA", "BGD", "COL", "COD", "HND", "HTI", "ZAF"])
@given(data=st.data())
def test_lists_can_be_read_by_longest_match(code: str, data: st.DataObject) -> None:
    """Labels hold spaces and semicolons; still a joined cell has one reading."""
    form: Form = FORMS[code]
    name = data.draw(st.sampled_from([n for n in IN_ONE_CELL if n in form.lists]))
    items = list(form.lists[name].values())
    chosen = data.draw(st.lists(st.sampled_from(items), unique=True))
    assert longest_match(form.joiner.join(chosen), items, form.joiner) == chosen


@given(st.sampled_from(sorted(FORMS)), st.integers(1, 10_000), st.integers(0, 5))
def test_a_case_does_not_depend_on_what_is_around_it(code: str, index: int, seed: int) -> None:
    form = FORMS[code]
    one, two = people.make(form, seed, index), people.make(form, seed, index)
    assert list(form.lines(one)) == list(form.lines(two))
    assert list(answers.rows(form, one)) == list(answers.rows(form, two))


@given(st.sampled_from(sorted(FORMS)), st.integers(1, 10_000))
def test_answers_keep_to_the_vocabulary(code: str, index: int) -> None:
    form = FORMS[code]
    case = people.make(form, 1, index)
    assert case.birth is None or case.birth < case.registered
    for table, row in answers.rows(form, case):
        named = dict(zip(answers.COLUMNS[table], row, strict=True))
        assert len(named) == len(row)
        if table == "case":
            assert named["age_band"] in (*AGE_BANDS, "unknown")
            assert named["is_cross_border"] in ("yes", "no", "unknown")
        if table in ("control", "vulnerability"):
            assert named["answer"] in ("yes", "no", "unknown")
        if table == "exploitation" and named["exploitation_type"] == "sexual_exploitation":
            assert named["labour_sector"] is None


@given(st.dates(date(2002, 1, 1), date(2010, 11, 25)), st.integers(0, 67), st.integers(0, 999))
def test_birth_dates_give_the_age_meant(registered: date, age: int, seed: int) -> None:
    birth = people._birth(random.Random(seed), registered, age)
    years = registered.year - birth.year
    years -= (registered.month, registered.day) < (birth.month, birth.day)
    assert years == age
    assert birth <= registered < birth + timedelta(days=366 * (age + 1))


def test_the_macro_forgets_substrings() -> None:
    assert kept_by_macro(["Nigeria", "Niger"]) == ["Nigeria"]
    assert kept_by_macro(["Niger", "Nigeria"]) == ["Niger", "Nigeria"]
    form = FORMS["NGA"]
    held = [case for case in (people.make(form, 7, n) for n in range(1, 600))
            if case.citizenships == ["NGA", "NER"]]  # fmt: skip
    assert held
    for case in held:
        rows = [row for table, row in answers.rows(form, case) if table == "citizenship"]
        assert rows == [(case.number, "NGA")]


def test_snake_case() -> None:
    expected = {
        "ForcedLabour": "forced_labour", "NGO": "ngo", "4Sale": "4_sale",
        "A_AgricultureForestryAndFishing": "a_agriculture_forestry_and_fishing",
        "NonSpecifiedUnknown": "non_specified_unknown", "Unaquainted": "unaquainted",
        "ForcedMilitaryByNonStateActors": "forced_military_by_non_state_actors",
    }  # fmt: skip
    assert {name: snake(name) for name in expected} == expected
    assert "through_a_television_advert" in labels("recruitment_method")
