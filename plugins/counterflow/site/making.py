"""Making the site: all that it says is read in one go, then written as pages into a folder of its own.

In: the published warehouse. Out: the folder. What was there is replaced only when the new one is whole.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from counterflow.drawing import Pictures
from counterflow.settings import Settings
from counterflow.site import answers, guide, plots, tables, words
from counterflow.site.answers import Answer, SiteRefusedError
from counterflow.site.figures import FIGURES
from counterflow.site.guide import Guide, Question, Section
from counterflow.site.plots import Figure, Plot
from counterflow.site.releases import Release, releases
from counterflow.site.tables import CodeList, Table
from counterflow.site.words import Words
from counterflow.warehouse.abreast import abreast

MARK = "counterflow-site.txt"  # what is in a folder that may be replaced
PICTURES = ".pictures.json"  # its pictures by what they were drawn of


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, its answer, its pictures, and the caveats of the tables that it asks."""

    question: Question
    answer: Answer
    plots: tuple[Plot, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A wrong way and the right one, with what each answers."""

    section: Section
    wrong: Answer
    right: Answer


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of the start page with the query that gives it."""

    title: str
    answer: Answer
    caveat: str


@dataclass(frozen=True, slots=True)
class Site:
    """All that the pages say."""

    night: date
    guide: Guide
    facts: tuple[Fact, ...]
    answered: dict[int, Answered]
    pairs: tuple[Pair, ...]
    tables: tuple[Table, ...]
    codes: tuple[CodeList, ...]
    releases: tuple[Release, ...]
    stale: tuple[int, int]  # of how many missions
    words: Words


_FACTS = (
    (
        "What is in it",
        "select count(*) as cases, count(distinct mission_code) as missions,\n"
        "       count(distinct citizenship) as citizenships, count(distinct country_of_exploitation) as countries_of_exploitation,\n"
        "       min(registration_year) as first_year, max(registration_year) as last_year\n"
        "from core.fct_case",
        "core.fct_case",
    ),
    (
        "What became of last night's exports",
        "select status, count(*) as missions, count(*) filter (is_stale) as stale, sum(rows_read)::bigint as rows_read,\n"
        "       sum(rows_accepted)::bigint as accepted, sum(rows_quarantined)::bigint as quarantined,\n"
        "       sum(rows_withheld)::bigint as withheld, sum(rows_blank)::bigint as blank\n"
        "from quality.load\n"
        "where night = (select max(night) from quality.load)\n"
        "group by status order by missions desc, status",
        "quality.load",
    ),
    (
        "Missions whose data are older than they should be",
        "select mission_code, status, loaded_night, days_since_success\n"
        "from quality.load\n"
        "where night = (select max(night) from quality.load) and is_stale\n"
        "order by days_since_success desc nulls first, mission_code",
        "quality.load",
    ),
)


def build(
    warehouse: Path, out: Path, settings: Settings | None = None, earlier: Path | None = None
) -> None:
    """Make the site of `warehouse` in `out`, which is new, empty, or an older site.

    `settings` are needed where the warehouse is encrypted; `earlier` is a site that was made by this program and may
    have the same pictures. Raises SiteRefusedError.
    """
    from counterflow.site import pages  # templates are read when they are needed

    settings = settings or Settings.from_env()
    out = out.absolute()
    _refuse_foreign(out)
    kept = earlier / PICTURES if earlier is not None else None
    drawing, opened = Pictures(plots.VEGALITE, kept), answers.opened(warehouse, settings)
    with drawing as pictures, opened as connection:
        site = read(connection, releases(settings.releases, out, settings.home), pictures)
    aside = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    try:
        pages.write(site, aside)
        pictures.keep(aside / PICTURES)
        (aside / MARK).write_text(
            "Made by `counterflow site`; it is replaced as a whole.\n", "utf-8"
        )
        _swap(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read(
    connection: duckdb.DuckDBPyConnection, released: Sequence[Release], pictures: Pictures
) -> Site:
    """All that the site says of an open warehouse."""
    said, known = guide.read(), words.read(connection)
    _refuse_unknown(said)
    caveats = dict(connection.execute("select table_name, caveat from analysis.caveat").fetchall())
    every = tuple(tables.tables(connection))
    questions = [question for theme in said.themes for question in theme.questions]
    queries = [question.query for question in questions]
    queries += [query for _, query, _ in _FACTS]
    queries += [query.strip() for one in said.wrong_ways for query in one.queries]
    told = iter(abreast(connection, answers.ask, queries))
    asked = [_asked(question, next(told), known, pictures) for question in questions]
    facts = tuple(Fact(title, next(told), caveats.get(table, "")) for title, _, table in _FACTS)
    pairs = tuple(Pair(one, *(next(told) for _ in one.queries)) for one in said.wrong_ways)
    answered = {one.question.number: _answered(one, caveats) for one in asked}
    found = connection.execute(
        "select max(night), count(*) filter (is_stale), count(*) from quality.load "
        "where night = (select max(night) from quality.load)"
    ).fetchone()
    if found is None or found[0] is None:
        raise SiteRefusedError("the warehouse names no night: run `counterflow nightly`")
    return Site(
        night=found[0],
        guide=said,
        facts=facts,
        answered=answered,
        pairs=pairs,
        tables=every,
        codes=tuple(tables.code_lists(connection, every)),
        releases=tuple(released),
        stale=(int(found[1]), int(found[2])),
        words=known,
    )


class Asked(NamedTuple):
    """A question, its answer, and its pictures, which are being drawn."""

    question: Question
    answer: Answer
    drawn: list[tuple[Figure, dict[str, Any], Future[str]]]


def _asked(question: Question, answer: Answer, known: Words, pictures: Pictures) -> Asked:
    sketched = ((one, plots.sketch(one, answer, known)) for one in FIGURES.get(question.title, ()))
    drawn = [(one, spec, pictures.draw(spec)) for one, spec in sketched if spec is not None]
    return Asked(question, answer, drawn)


def _answered(asked: Asked, caveats: dict[str, str]) -> Answered:
    made = tuple(
        plots.plot(figure, spec, drawn.result(), f"q{asked.question.number}-{place}")
        for place, (figure, spec, drawn) in enumerate(asked.drawn)
    )
    return Answered(asked.question, asked.answer, made, tuple(_caveats(asked.answer, caveats)))


def _caveats(answer: Answer, caveats: dict[str, str]) -> Iterator[str]:
    """The caveats of the tables that a query names, each sentence once."""
    said: dict[str, None] = {}
    for table in answer.tables:
        name = re.sub(r"_as_of$", "", table)
        name = "analysis.question_rate" if name == "analysis.rate" else name
        said |= dict.fromkeys(re.split(r"(?<=\.) (?=[A-Z])", caveats.get(name, "")))
    yield from (sentence for sentence in said if sentence)


def _refuse_unknown(said: Guide) -> None:
    titles = {question.title for theme in said.themes for question in theme.questions}
    if unknown := FIGURES.keys() - titles:
        raise SiteRefusedError(
            f"figures.py draws what docs/analysts.md does not ask: {', '.join(sorted(unknown))}"
        )


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise SiteRefusedError(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise SiteRefusedError(f"{out} holds something else: name a new folder, or an older site")


def _swap(new: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    if out.exists():
        os.replace(out, old)
    os.replace(new, out)
    shutil.rmtree(old, ignore_errors=True)


def listed(value: Any) -> Any:
    """A cell as a page shows it: numbers as SQL gives them, nothing for NULL."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return value
