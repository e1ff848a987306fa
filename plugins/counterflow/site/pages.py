"""The pages: a `Site` in, HTML, one style sheet, one script and the index of the search out.

Whatever comes out of the warehouse or the guide is text to the templates, which escape it; only SVG from vl-convert and
prose rendered by guide.html go in as they are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from counterflow.site import answers, guide
from counterflow.site.making import Site, listed
from counterflow.site.words import number

_HERE = Path(__file__).parent
_CUT = 300  # rows of a table that a page shows
_BAR = 150  # units of a bar of answers


def write(site: Site, out: Path) -> None:
    """Write the site into `out`, a new folder."""
    shutil.copytree(_HERE / "assets", out / "assets")
    environment = _environment(site)

    def page(path: str, template: str, **values: Any) -> None:
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        root = "../" * path.count("/")
        text = environment.get_template(template).render(site=site, root=root, here=path, **values)
        target.write_text(text, "utf-8")

    page("index.html", "start.html")
    page("questions.html", "questions.html")
    for theme in site.guide.themes:
        page(f"questions/{theme.slug}.html", "theme.html", theme=theme)
    page("wrong-ways.html", "wrong_ways.html")
    page("catalogue.html", "catalogue.html")
    asked = _asked(site)
    for table in site.tables:
        page(
            f"tables/{table.full}.html", "table.html", table=table, asked=asked.get(table.full, [])
        )
    page("codes.html", "codes.html")
    for codes in site.codes:
        page(f"codes/{codes.name}.html", "code_list.html", codes=codes)
    page("releases.html", "releases.html")
    index = json.dumps(list(_index(site)), ensure_ascii=False, separators=(",", ":"))
    (out / "assets" / "index.js").write_text(f"window.siteIndex = {index};\n", "utf-8")


def _environment(site: Site) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "prose": lambda text: Markup(guide.html(text)),  # noqa: S704 - made by us, HTML in it is text
        "svg": _image,
        "listed": listed,
        "number": number,
        "label": site.words.label,
    }
    environment.globals |= {
        "cut": _CUT,
        "bar": _bar,
        "label": site.words.label,
        "parts": _parts,
        "known_tables": {table.full for table in site.tables},
        "known_lists": {codes.name for codes in site.codes},
        "definition": lambda value: site.words.definitions.get(str(value), ""),
        "slug": guide.slug,
        "question_of": lambda n: site.answered[n],
    }
    return environment


def _image(svg: str, title: str) -> Markup:
    """A picture with the words for those who do not see it."""
    words = Markup('<svg role="img" aria-label="{}"').format(title)
    return words + Markup(svg.removeprefix("<svg"))  # noqa: S704 - made by vl-convert


def _parts(answer: answers.Answer) -> list[dict[str, int] | None]:
    """Of each row, who is in its number and who is not; empty if no row says."""
    found = [answers.parts(answer, record) for record in answer.records[:_CUT]]
    return found if any(found) else []


def _bar(parts: dict[str, int]) -> list[tuple[str, int, float, float]]:
    """Pieces of a bar: name, count, where it begins and how wide it is."""
    total = sum(parts.values())
    pieces, left = [], 0.0
    for name, count in parts.items():
        width = round(_BAR * count / total, 2) if total else 0.0
        pieces.append((name, count, round(left, 2), width))
        left += width
    return pieces


def _asked(site: Site) -> dict[str, list[tuple[str, str]]]:
    """Table → the questions that ask it: where, and their words."""
    found: dict[str, list[tuple[str, str]]] = {}
    for theme in site.guide.themes:
        for question in theme.questions:
            for table in site.answered[question.number].answer.tables:
                place = f"questions/{theme.slug}.html#{question.anchor}"
                found.setdefault(table, []).append((place, f"{question.number}. {question.title}"))
    return found


def _index(site: Site) -> Iterator[list[str]]:
    """What the search finds: kind, title, where, and further words."""
    for theme in site.guide.themes:
        for question in theme.questions:
            place = f"questions/{theme.slug}.html#{question.anchor}"
            yield [
                "question",
                f"{question.number}. {question.title}",
                place,
                f"{theme.title} {question.prose}",
            ]
    for pair in site.pairs:
        yield [
            "wrong way",
            pair.section.title,
            f"wrong-ways.html#{guide.slug(pair.section.title)}",
            pair.section.prose,
        ]
    for table in site.tables:
        yield ["table", table.full, f"tables/{table.full}.html", f"{table.grain} {table.caveat}"]
        if table.schema != "history":
            for column in table.columns:
                where = f"tables/{table.full}.html#column-{column.name}"
                yield ["column", f"{table.full}.{column.name}", where, column.meaning]
    for codes in site.codes:
        yield ["code list", codes.name, f"codes/{codes.name}.html", ""]
        for code, label, definition, _ in codes.codes:
            yield [
                "code",
                f"{label} ({code})",
                f"codes/{codes.name}.html#code-{guide.slug(code)}",
                f"{codes.name} {definition}",
            ]
    for release in site.releases:
        yield ["release", release.title, "releases.html", release.number]
