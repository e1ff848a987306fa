"""Texts for people in their own language: one YAML file a language, all with the keys of English.

In: a language of a contract. Out: `Words`, which also write numbers and dates as that language does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from counterflow.pages.advising import Advice

FOLDER = Path(__file__).parent
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Told:
    """Advice as it is read: what to do, why, where, and what it would gain."""

    title: str
    text: str
    gain: str
    where: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language."""

    language: str
    texts: dict[str, str]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.texts["direction"]

    def say(self, name: str, **values: str | int | date) -> str:
        """A text, with its values as the language writes them."""
        return self.texts[name].format(
            **{key: self.written(value) for key, value in values.items()}
        )

    def written(self, value: str | int | date) -> str:
        """A number or a date in this language."""
        if isinstance(value, date):
            return format_date(value, "long", locale=self.language)
        return format_decimal(value, locale=self.language) if isinstance(value, int) else value

    def country(self, code2: str | None, name: str) -> str:
        """What this language calls a country (ISO 3166 alpha-2); `name` in English, or if it has no word for it."""
        if self.language == ENGLISH or code2 is None:
            return name
        return str(Locale.parse(self.language).territories.get(code2, name))

    def advice(self, one: Advice) -> Told:
        """One thing to do, in words."""
        where = [
            self.say(f"where_{name}", **{name: value})
            for name, value in (("file", one.file), ("column", one.column))
            if value
        ]
        if one.field and not one.column:
            where.append(self.say("where_field", field=one.field))
        if one.lines:
            lines = ", ".join(self.written(line) for line in one.lines)
            more = one.rows > len(one.lines)
            where.append(
                self.say(
                    "where_lines", lines=self.say("lines_more", lines=lines) if more else lines
                )
            )
        gain = "gain_answers" if one.kind == "seldom_answered" else "gain_rows"
        return Told(
            self.say(f"{one.kind}_title"),
            self.say(f"{one.kind}_text"),
            self.say(gain, rows=one.rows) if one.rows and one.rank else "",
            tuple(where),
            one.kind,
        )


def languages() -> list[str]:
    """The languages there are files of."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def words(wanted: Iterable[str] = ()) -> Words:
    """The texts of the first language there is a file of; else English."""
    known = languages()
    return _words(next((one for one in wanted if one in known), ENGLISH))


@cache
def _words(language: str) -> Words:
    found = yaml.safe_load((FOLDER / f"{language}.yml").read_text("utf-8"))
    return Words(language, {name: str(text) for name, text in found.items()})
