"""The docs as a site: built strictly, whole, and without anything of another server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from counterflow import docsite
from counterflow.settings import PROJECT

_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//"
    r"|<link\b[^>]*\bhref\s*=\s*[\"']?(?:https?:)?//"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return docsite.build(tmp_path_factory.mktemp("docs")).parent


def test_every_page_is_in_it(site: Path) -> None:
    for page in (PROJECT / "docs").rglob("*.md"):
        name = page.relative_to(PROJECT / "docs").with_suffix(".html")
        made = name.with_name("index.html") if name.name == "README.html" else name
        assert (site / made).is_file(), page
    assert "counterflow serve tokens" in (site / "reference" / "command.html").read_text("utf-8")
    assert "consent" in (site / "reference" / "contract.html").read_text("utf-8")


def test_nothing_is_fetched_from_another_server(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        found = _FETCHED.findall(page.read_text("utf-8"))
        assert found == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text("utf-8"))


def test_what_would_be_fetched_is_found() -> None:
    assert _FETCHED.search('<link rel="stylesheet" href="https://fonts.example/x.css">')
    assert _FETCHED.search('<script async src="//cdn.example/x.js"></script>')
    assert not _FETCHED.search('<a href="https://example.org">')


def test_a_link_that_leads_nowhere_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docsite, "command_page", lambda: "# x\n\n[gone](../analysts.md#nowhere)\n")
    with pytest.raises(ValueError, match="nowhere"):
        docsite.build(tmp_path / "out")
