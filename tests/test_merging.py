"""Chains of merged records end at a case that the export holds, or nowhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterflow.merging import CIRCLE, ORPHAN, survivors

KEYS = st.sampled_from("abcdefgh")


def test_a_chain_is_followed_to_its_end() -> None:
    assert survivors({"a": "b", "b": "c"}, {"a", "b", "c"}) == ({"a": "c", "b": "c"}, {})


def test_whoever_leads_into_a_circle_has_no_survivor() -> None:
    found, lost = survivors({"a": "b", "b": "c", "c": "b", "d": "d"}, set("abcd"))
    assert (found, lost) == ({}, dict.fromkeys("abcd", CIRCLE))


def test_a_survivor_that_is_not_there_is_missed_by_the_whole_chain() -> None:
    assert survivors({"a": "b", "b": "x"}, {"a", "b"}) == ({}, {"a": ORPHAN, "b": ORPHAN})


@given(st.dictionaries(KEYS, KEYS), st.sets(KEYS))
def test_each_merged_key_has_a_survivor_or_a_reason(into: dict[str, str], also: set[str]) -> None:
    known = also | set(into)
    found, lost = survivors(into, known)
    assert set(found) | set(lost) == set(into)
    assert not set(found) & set(lost)
    for key, survivor in found.items():
        assert survivor in known
        assert survivor not in into
        assert found.get(into[key], into[key]) == survivor
    for key in lost:
        assert into[key] in lost or into[key] not in known


@given(st.dictionaries(KEYS, KEYS), st.randoms())
def test_the_order_of_records_changes_nothing(into: dict[str, str], random: object) -> None:
    shuffled = list(into.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert survivors(dict(shuffled), set(into)) == survivors(into, set(into))
