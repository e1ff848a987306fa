"""The threat model: every threat has a boundary of the diagram, a class, and tests that exist."""

from __future__ import annotations

import re

from counterflow.settings import PROJECT
from tests.docs.test_dpia import functions, named

TEXT = (PROJECT / "docs/threat_model.md").read_text("utf-8")
THREATS = re.findall(
    r"^\| (T\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE
)


def test_every_threat_is_classed_and_met_by_tests_that_exist() -> None:
    assert [number for number, *_ in THREATS] == [f"T{n}" for n in range(1, len(THREATS) + 1)]
    assert len(THREATS) >= 18
    for number, _, threat, _, proof in THREATS:
        assert re.match(r"[STRIDE](, [STRIDE])*: ", threat), number
        assert named(proof), number
        for file, function in named(proof):
            assert function in functions(file), (number, function)


def test_every_class_of_threat_is_thought_of_and_what_is_left_is_said() -> None:
    classes = {c for _, _, threat, _, _ in THREATS for c in threat.partition(":")[0].split(", ")}
    assert classes == set("STRIDE")
    assert len(re.findall(r"^- \*\*", TEXT.partition("## What is left")[2], re.MULTILINE)) >= 6
