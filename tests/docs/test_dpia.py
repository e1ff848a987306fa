"""The impact assessment: every measure is proven by tests that exist, every risk has its measures and two ratings."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from counterflow.settings import PROJECT

PAGE = PROJECT / "docs" / "dpia.md"
SCALE = ("negligible", "limited", "significant", "maximum")


def rows(letter: str) -> dict[str, list[str]]:
    """The rows of the page's table whose first cell is a letter and a number."""
    lines = re.findall(rf"^\| ({letter}\d+) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {number: line.split(" | ") for number, line in lines}


@lru_cache
def functions(path: str) -> set[str]:
    """The functions of a Python file; none if there is no such file."""
    file = PROJECT / path
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def named(text: str) -> list[tuple[str, str]]:
    """The tests that a text names, as file and function."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


def test_every_test_that_is_named_exists() -> None:
    found = named(PAGE.read_text("utf-8"))
    assert len(found) > 30
    assert [test for test in found if test[1] not in functions(test[0])] == []
    assert "test_of_nothing" not in functions("tests/nothing.py")


def test_every_measure_is_proven() -> None:
    measures = rows("M")
    assert len(measures) >= 16
    assert [number for number, (*_, proof) in measures.items() if not named(proof)] == []


def test_every_risk_is_rated_twice_and_has_measures_that_exist() -> None:
    risks, measures = rows("R"), rows("M")
    assert len(risks) >= 12
    used: set[str] = set()
    for number, (_, _, severity, before, against, after) in risks.items():
        assert severity in SCALE, number
        assert before in SCALE, number
        assert after.startswith(SCALE), number
        assert SCALE.index(re.split(r"\W", after)[0]) < SCALE.index(before) or ":" in after, number
        used |= set(against.split())
    assert used == set(measures)
