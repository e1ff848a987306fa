"""The analysts' site of a real night: every question of the guide is answered there, and what is drawn can be drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from counterflow.drawing import Pictures
from counterflow.settings import Settings
from counterflow.site import answers, making, plots
from counterflow.site.figures import FIGURES
from counterflow.site.making import Site
from tests.docs.test_analysts import QUESTIONS, WRONG_WAYS

# Of six small missions: nothing was answered often enough on forms that may be counted.
MAY_BE_BARE: set[str] = set()


@pytest.fixture(scope="module")
def site(published: Settings) -> Site:
    path = published.warehouse / "warehouse.duckdb"
    with Pictures(plots.VEGALITE) as pictures, answers.opened(path, published) as connection:
        return making.read(connection, (), pictures)


def test_every_question_is_answered_with_the_caveats_of_its_tables(site: Site) -> None:
    assert len(site.answered) == len(QUESTIONS)
    for found in site.answered.values():
        assert found.answer.rows, found.question.title
        assert found.caveats, found.question.title
        assert len(set(found.caveats)) == len(found.caveats)
    assert len(site.pairs) == len(WRONG_WAYS)


def test_every_figure_is_drawn(site: Site) -> None:
    """A column that a query of the guide calls by another name from now on would be a KeyError."""
    bare = {
        found.question.title
        for found in site.answered.values()
        if len(found.plots) < len(FIGURES.get(found.question.title, ()))
    }
    assert bare <= MAY_BE_BARE
    assert len(FIGURES) > 40


def test_rates_say_who_is_in_them(site: Site) -> None:
    said = 0
    for found in site.answered.values():
        for record in found.answer.records:
            parts = answers.parts(found.answer, record)
            if (
                parts
                and {"cases", "unknown", "not_asked", "left_out", "not_applicable"} <= record.keys()
            ):
                assert sum(parts.values()) == record["cases"], found.question.title
            said += parts is not None
    assert said > 300


def test_no_share_is_without_what_it_is_a_share_of(site: Site) -> None:
    share = re.compile(r"rate|share|change|needs_met|lift|median")
    whole = re.compile(r"denominator|known|cases|in_need")
    found = [answered.answer for answered in site.answered.values()]
    told = [a for a in found if any(share.search(c) for c in a.columns)]
    assert len(told) > 30
    assert [a.columns for a in told if not any(whole.search(c) for c in a.columns)] == []


def test_nothing_of_this_machine_is_on_a_page(
    site: Site, published: Settings, tmp_path: Path
) -> None:
    from counterflow.site import pages

    pages.write(site, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.*"):
        text = path.read_text("utf-8")
        assert str(published.home) not in text
        assert str(Path.cwd()) not in text
