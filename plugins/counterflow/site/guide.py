"""The analysts' guide as data: its questions, each with its query and what the answer means, and its wrong ways.

In: `docs/analysts.md`, where each query stands once, for readers and for programs. Out: a `Guide`, and HTML of its prose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from counterflow.settings import PROJECT

GUIDE = PROJECT / "docs" / "analysts.md"
WRONG = "Wrong way "
_SQL = re.compile(r"^```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBERED = re.compile(r"(\d+)\. (.+)")


@dataclass(frozen=True, slots=True)
class Section:
    """One `###` section: its title, its queries, and its prose."""

    title: str
    queries: tuple[str, ...]
    prose: str

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True, slots=True)
class Question:
    """A numbered question of the guide."""

    number: int
    title: str
    query: str
    prose: str

    @property
    def anchor(self) -> str:
        """Of its heading in a page."""
        return f"question-{self.number}"


@dataclass(frozen=True, slots=True)
class Theme:
    """A `##` section with questions; `prose` stands before the first of them."""

    title: str
    prose: str
    questions: tuple[Question, ...]

    @property
    def slug(self) -> str:
        """Its title as a file's name."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Guide:
    """What the guide holds: `sections` has the prose of the `##` sections by title."""

    themes: tuple[Theme, ...]
    wrong_ways: tuple[Section, ...]
    sections: dict[str, str]


def read(path: Path = GUIDE) -> Guide:
    """The guide at `path`."""
    text = path.read_text("utf-8")
    themes, prose = [], {}
    wrong: tuple[Section, ...] = ()
    for title, body in _parts(text, "## "):
        before, _, _ = body.partition("\n### ")
        prose[title] = before.strip()
        found = sections(body)
        if questions := tuple(_questions(found)):
            themes.append(Theme(title, prose[title], questions))
        wrong += tuple(section for section in found if section.title.startswith(WRONG))
    return Guide(tuple(themes), wrong, prose)


def sections(text: str) -> list[Section]:
    """The `###` sections of a text, in order; each ends at the next heading."""
    found = []
    for title, body in _parts(text, "### "):
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        found.append(Section(title, tuple(_SQL.findall(body)), _SQL.sub("", body).strip()))
    return found


def _parts(text: str, mark: str) -> list[tuple[str, str]]:
    _, *parts = re.split(rf"^{mark}", text, flags=re.MULTILINE)
    split = (part.partition("\n") for part in parts)
    return [(title.strip(), body) for title, _, body in split]


def _questions(found: Sequence[Section]) -> list[Question]:
    numbered = ((_NUMBERED.match(section.title), section) for section in found)
    return [
        Question(int(match[1]), match[2], section.queries[0].strip(), section.prose)
        for match, section in numbered
        if match
    ]


def slug(title: str) -> str:
    """A title as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def html(prose: str) -> str:
    """Prose of the guide as HTML. Links lead out of the guide, so only their words stay; HTML in it is text."""
    return str(_MARKDOWN.render(prose))


def _nothing(*_: Any) -> str:
    return ""


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.add_render_rule("link_open", _nothing)
_MARKDOWN.add_render_rule("link_close", _nothing)
_MARKDOWN.add_render_rule("image", _nothing)
