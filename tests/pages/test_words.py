"""Every language has every text, with the same names in braces."""

from __future__ import annotations

import string
from datetime import date

import pytest
import yaml

from counterflow.pages.advising import _RULES, _STATUS, Advice
from counterflow.pages.words import FOLDER, languages, words

KINDS = sorted({*_RULES.values(), *_STATUS.values(), "explain_consent", "consent_blank", "consent_contradictory", "seldom_answered"})  # fmt: skip


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", languages())
def test_a_language_is_whole(language: str) -> None:
    english = words().texts
    own = yaml.safe_load((FOLDER / f"{language}.yml").read_text("utf-8"))
    assert set(own) == set(english)
    assert {key: names(own[key]) for key in own} == {
        key: names(text) for key, text in english.items()
    }
    assert all(isinstance(text, str) and text.strip() == text and text for text in own.values())
    if language != "en":
        same = {key for key in own if own[key] == english[key]} - {"direction"}
        assert same == set()
    assert own["direction"] == ("rtl" if language == "ar" else "ltr")


def test_the_five_languages_are_there() -> None:
    assert languages() == ["ar", "en", "es", "fr", "ru"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", languages())
def test_every_advice_can_be_said(language: str, kind: str) -> None:
    told = words([language]).advice(
        Advice(kind, 1234, "cases.csv", "Sex", (3, 40), "case.gender", 1)
    )
    assert told.title
    assert told.text
    assert "{" not in f"{told}"
    assert any("cases.csv" in piece for piece in told.where)


def test_the_first_language_that_is_known_else_english() -> None:
    assert words(["uk", "ru", "en"]).language == "ru"
    assert words(["ro"]).language == "en"
    assert words(["../../etc/passwd"]).language == "en"


def test_numbers_and_dates_are_written_as_the_language_does() -> None:
    assert words(["es"]).written(12345) == "12.345"
    assert words(["fr"]).written(date(2010, 11, 25)) == "25 novembre 2010"
