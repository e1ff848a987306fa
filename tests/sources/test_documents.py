"""JSON documents: what is said twice or nested oddly is refused, nothing is dropped in silence."""

from __future__ import annotations

import pytest

from counterflow.contracts.model import Limits
from counterflow.sources import Refused
from counterflow.sources.documents import RECORDS, flatten, parse_json


@pytest.mark.parametrize(
    "text",
    [
        '{"consent": "no", "consent": "yes"}',  # of two answers neither is known
        '[{"a": {"b": 1}, "a.b": 2}]',
        '[{"kind": ["debt", {"other": "x"}]}]',
        "[1, 2]",
        '{"cases": "none"}',
        '{"cases": [',
        "[" * 5000 + "]" * 5000,
    ],
)
def test_what_cannot_be_told_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        flatten(parse_json(text), "cases" if text.startswith('{"cases') else "")


def test_a_nested_list_carries_only_what_is_wanted() -> None:
    document = {"cases": [{"no": "A1", "name": "x", "legs": [{"from": "MDA", "^.no": "B2"}]}]}
    assert flatten(document, "cases.legs", {"^.no"}) == [{"from": "MDA", "^.no": "A1"}]


def test_a_list_of_records_that_nobody_maps_is_seen() -> None:
    found = flatten([{"no": "A1", "visits": [{"day": 1}], "langs": ["ro", "ru"]}], "")
    assert found == [{"no": "A1", "visits": RECORDS, "langs": "ro; ru"}]


def test_a_lone_surrogate_is_no_text() -> None:
    assert flatten(parse_json('[{"a": "\\ud800"}]'), "") == [{"a": "?"}]


def test_a_number_gets_the_decimal_mark_of_the_contract() -> None:
    document = parse_json('[{"years": 2.5, "months": 7, "code": "2.5", "whole": 3.0}]', ",")
    assert flatten(document, "") == [{"years": "2,5", "months": "7", "code": "2.5", "whole": "3,0"}]


def test_many_children_are_bounded_by_rows() -> None:
    document = {"cases": [{"no": "A1", "legs": [{} for _ in range(11)]}]}
    assert len(flatten(document, "cases.legs", {"^.no"}, Limits(rows=11))) == 11
    with pytest.raises(Refused, match="more than 10 rows"):
        flatten(document, "cases.legs", {"^.no"}, Limits(rows=10))


def test_what_children_carry_of_their_case_is_bounded() -> None:
    document = {"cases": [{"no": "A" * 1000, "legs": [{} for _ in range(1000)]}]}
    with pytest.raises(Refused, match="more cells"):
        flatten(document, "cases.legs", {"^.no"}, Limits(unpacked=900_000))
