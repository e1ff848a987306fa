"""README and docs as data: pages in, their fenced blocks, links and named files out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterflow.settings import PROJECT

# Generated from measurements or written beside the code; their links are checked all the same.
PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its page, line, language and text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all pages in these languages; of all, if none is named."""
    return [b for page in PAGES for b in fenced(page) if not languages or b.language in languages]


def fenced(page: Path) -> Iterator[Block]:
    """The fenced blocks of one page."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    """The targets of the page's links and pictures."""
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(page))


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings."""
    titles = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def commands(block: Block) -> list[str]:
    """The commands of a `console` block: lines after `$ `, with `\\` continued."""
    joined = block.text.replace("\\\n", " ")
    return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]
