"""Templates to HTML: everything that is put into one is escaped, whoever wrote it.

In: the name of a template and its values. Out: text. Addresses of runbooks, numbers and links are made here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from counterflow.pages import signals
from counterflow.pages.views import STATUSES
from counterflow.settings import PROJECT, Settings

HERE = Path(__file__).parent
_RUNBOOK = re.compile(r"(docs/runbooks/([a-z_]+)\.md)")
_RUNBOOKS = PROJECT / "docs" / "runbooks"


@cache
def environment() -> Environment:
    """Jinja, with autoescaping for every template and no undefined name."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    found.globals |= {
        "statuses": STATUSES,
        "sections": signals.GROUPS,
        "number": number,
        "pieces": pieces,
    }
    return found


def render(name: str, /, **values: Any) -> str:
    """The text of a template."""
    return environment().get_template(name).render(**values)


def number(value: int | None) -> str:
    """A count as people read it."""
    return "–" if value is None else f"{value:,}"


def pieces(text: str) -> list[tuple[str, str]]:
    """A message in pieces, those that name a runbook with its name."""
    parts = _RUNBOOK.split(text)
    found = [(parts[0], "")]
    for whole, page, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found += [(whole, page), (after, "")]
    return [piece for piece in found if piece[0]]


def runbook_address(settings: Settings, base: str, page: str) -> str:
    """Where a runbook is: the agency's own address, or our copy of it; empty if there is neither."""
    if settings.notices.pages.startswith(("https://", "http://")):
        return f"{settings.notices.pages}{page}.md"
    return f"{base}/runbooks/{page}" if runbook(page) is not None else ""


def runbook(page: str) -> str | None:
    """The text of a runbook of this checkout."""
    if not re.fullmatch(r"[a-z_]+", page):
        return None
    try:
        return (_RUNBOOKS / f"{page}.md").read_text("utf-8")
    except OSError:
        return None
