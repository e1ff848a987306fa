"""The analysts' guide holds what it promises: questions with a query and a meaning, and pairs of a wrong and a right query."""

from __future__ import annotations

import re
from typing import Any

import pytest

from counterflow.settings import Settings
from counterflow.shell import connect
from counterflow.site.guide import GUIDE, WRONG, Section, sections

ALL = sections(GUIDE.read_text("utf-8"))
QUESTIONS = [section for section in ALL if re.match(r"\d+\. ", section.title)]
WRONG_WAYS = [section for section in ALL if section.title.startswith(WRONG)]


def answer(published: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(published) as warehouse:
        return warehouse.execute(query).fetchall()


def test_there_are_thirty_questions_and_ten_wrong_ways() -> None:
    numbers = [int(section.title.split(".")[0]) for section in QUESTIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 30
    assert [section.title.split(":")[0] for section in WRONG_WAYS] == [
        f"{WRONG}{number}" for number in range(1, 11)
    ]


@pytest.mark.parametrize("section", QUESTIONS, ids=str)
def test_a_question_has_a_query_that_answers_and_a_meaning(
    published: Settings, section: Section
) -> None:
    assert section.title.endswith("?")
    assert len(section.queries) == 1
    assert len(section.prose) > 60, "it says what the answer means"
    assert answer(published, section.queries[0])


@pytest.mark.parametrize("section", WRONG_WAYS, ids=str)
def test_the_wrong_query_answers_something_else(published: Settings, section: Section) -> None:
    """Both run, and what they say differs: a trap that changes nothing would be none."""
    wrong, right = section.queries
    assert wrong.startswith("-- wrong\n")
    assert right.startswith("-- right\n")
    assert len(section.prose) > 60, "it says what the trap is"
    answers = answer(published, wrong), answer(published, right)
    assert all(answers)
    assert answers[0] != answers[1]
