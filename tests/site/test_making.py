"""The folder of the site: the same for the same warehouse, whole, and nothing but text in what came as text."""

from __future__ import annotations

import hashlib
import html
import html.parser
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import pytest

from counterflow import keys, site
from counterflow.sealing import PUBLISHED, Seal
from counterflow.site import figures, guide, making
from counterflow.site.answers import SiteRefusedError
from counterflow.warehouse import rewriting
from tests.site.world import EVIL, installation, publish


class Page(html.parser.HTMLParser):
    """What a page holds: tags with attributes, ids, links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def ids(self) -> list[str]:
        return [str(a["id"]) for _, a in self.tags if "id" in a]

    def values(self, attribute: str) -> list[str]:
        return [str(a[attribute]) for _, a in self.tags if a.get(attribute)]


def pages(out: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text("utf-8")) for path in sorted(out.rglob("*.html"))}


def content(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_same_warehouse_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    settings = installation(tmp_path)
    site.build(publish(settings), tmp_path / "again", settings)
    assert content(tmp_path / "again") == content(made)


def test_pictures_of_the_site_before_are_not_drawn_again(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise AssertionError("a picture was drawn")

    monkeypatch.setattr("counterflow.drawing.subprocess.Popen", start)
    settings = installation(tmp_path)
    site.build(publish(settings), tmp_path / "again", settings, earlier=made)
    assert content(tmp_path / "again") == content(made)


def test_another_warehouse_gives_other_bytes(made: Path, tmp_path: Path) -> None:
    settings = installation(tmp_path)
    site.build(publish(settings, {"core.fct_case": []}), tmp_path / "other", settings)
    differing = {
        n for n, digest in content(tmp_path / "other").items() if content(made)[n] != digest
    }
    assert "index.html" in differing


def test_what_comes_out_of_the_warehouse_is_text(made: Path) -> None:
    """A label that is a script, an image, a template: it is seen as it is, and is none of them."""
    for path, page in pages(made).items():
        scripts = [a for tag, a in page.tags if tag == "script"]
        assert [a.get("src", "").rpartition("/")[2] for a in scripts] == ["site.js"], path  # type: ignore[union-attr]
        assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed")], (
            path
        )
        assert not [
            a for _, a in page.tags for name in a if name.startswith("on") or name == "style"
        ], path
    shown = (made / "codes" / "case_status.html").read_text("utf-8")
    assert "alert(1)" in shown, "the label is there"
    assert "49" not in re.sub(r"[0-9a-f]{8,}", "", shown.split("alert(2)")[1][:80])
    index = (made / "assets" / "index.js").read_text("utf-8")
    assert index.startswith("window.siteIndex = [")
    assert index.count("\n") == 1


def test_no_plot_holds_a_hostile_label_as_markup(made: Path) -> None:
    text = (made / "questions" / "from-recruitment-to-exit.html").read_text("utf-8")
    plot = next(part for part in text.split("<svg")[1:] if "/script" in part)
    assert "&lt;/script&gt;" in plot
    assert "<script" not in plot


def test_every_link_leads_somewhere(made: Path) -> None:
    found = pages(made)
    assert len(found) > 100
    checked = 0
    for path, page in found.items():
        for link in [*page.values("href"), *page.values("src")]:
            parts = urlsplit(link)
            assert not parts.scheme, link
            assert not parts.netloc, link
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_relative_to(made), link
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment:
                assert parts.fragment in found[target].ids, f"{path.name}: {link}"
            checked += 1
    assert checked > 2000


def test_no_page_has_an_id_twice(made: Path) -> None:
    for path, page in pages(made).items():
        assert len(page.ids) == len(set(page.ids)), path


def test_the_index_leads_to_pages_that_are_there(made: Path) -> None:
    import json

    index = json.loads(
        (made / "assets" / "index.js").read_text("utf-8")[len("window.siteIndex = ") : -2]
    )
    ids = {path: set(page.ids) for path, page in pages(made).items()}
    kinds = {kind for kind, *_ in index}
    assert {"question", "wrong way", "table", "column", "code list", "code"} <= kinds
    for _, title, place, _ in index:
        name, _, fragment = place.partition("#")
        assert not fragment or fragment in ids[made / name], title


def test_every_question_has_its_query_its_caveat_and_its_table(made: Path) -> None:
    asked = 0
    for theme in guide.read().themes:
        text = (made / "questions" / f"{theme.slug}.html").read_text("utf-8")
        for question in theme.questions:
            part = text.split(f'<article id="{question.anchor}"')[1].split("</article>")[0]
            assert question.query in html.unescape(part)
            assert '<p class="caveat"><strong>Caveat.</strong> ' in part
            assert re.search(r"<strong>Caveat.</strong> \S", part), question.title
            assert f"<caption>{question.title}</caption>" in html.unescape(part)
            asked += 1
    assert asked == 57


def test_every_page_says_that_it_is_internal_and_of_which_night(made: Path) -> None:
    for path in made.rglob("*.html"):
        text = path.read_text("utf-8")
        assert "<strong>Internal.</strong>" in text, path
        assert "night of 2010-11-25" in text, path
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in text, path
    assert "1 of 2 missions are stale" in (made / "index.html").read_text("utf-8")


def test_every_published_table_is_in_the_catalogue_with_its_columns(
    made: Path, tmp_path: Path
) -> None:
    settings = installation(tmp_path)
    with duckdb.connect(str(publish(settings)), read_only=True) as warehouse:
        columns = warehouse.execute(
            "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
            "where database_name = current_database()"
        ).fetchall()
    for table, column, comment in columns:
        text = (made / "tables" / f"{table}.html").read_text("utf-8")
        assert f'id="column-{column}"' in text
        assert " ".join(comment.split()) in html.unescape(text)
        assert '<p class="caveat"><strong>Caveat.</strong> ' in text
    fact = (made / "tables" / "core.fct_case.html").read_text("utf-8")
    assert 'aria-label="answered 25, unknown 5, not asked 7"' in fact
    assert 'href="../tables/analysis.trends.html"' in fact
    assert 'href="../codes/gender.html"' in fact
    assert "quasi identifier" in fact


def test_no_pseudonym_is_on_any_page(made: Path) -> None:
    for path in made.rglob("*.*"):
        assert f"{7:032x}" not in path.read_text("utf-8"), path


def test_an_encrypted_warehouse_gives_the_same_site(made: Path, tmp_path: Path) -> None:
    settings = installation(tmp_path, encrypt_warehouse=True)
    keys.init(settings.keys)
    plain = publish(settings)
    sealed = tmp_path / "sealed.duckdb"
    rewriting.rewrite(Seal.of(settings), plain, sealed, purpose=PUBLISHED)
    site.build(sealed, tmp_path / "out", settings)
    assert content(tmp_path / "out") == content(made)


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    path = publish(settings)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(SiteRefusedError, match="holds something else"):
        site.build(path, mine, settings)
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteRefusedError, match="is a file"):
        site.build(path, tmp_path / "file", settings)
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]


def test_without_a_warehouse_it_says_what_to_do(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    with pytest.raises(SiteRefusedError, match="run `counterflow nightly`"):
        site.build(settings.warehouse / "warehouse.duckdb", tmp_path / "out", settings)


def test_a_site_that_fails_leaves_the_old_one(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = installation(tmp_path)
    path, out = publish(settings), tmp_path / "out"
    site.build(path, out, settings)
    before = content(out)

    def broken(_: object, aside: Path) -> None:
        aside.mkdir()
        (aside / "index.html").write_text("half")
        raise RuntimeError

    monkeypatch.setattr("counterflow.site.pages.write", broken)
    with pytest.raises(RuntimeError):
        site.build(path, out, settings)
    assert content(out) == before
    assert {p.name for p in tmp_path.iterdir()} == {"home", "out"}


def test_a_picture_of_a_question_that_is_not_asked_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(figures.FIGURES, "Who is to blame?", ())  # type: ignore[arg-type]
    assert making.FIGURES is figures.FIGURES
    settings = installation(tmp_path)
    with pytest.raises(SiteRefusedError, match=r"Who is to blame\?"):
        site.build(publish(settings), tmp_path / "out", settings)


def test_the_hostile_label_is_one() -> None:
    assert "<script>" in EVIL
