"""Sets of pages: replaced as a whole, built when something was published, one apart from the others."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from counterflow.pages import sets, shelf
from counterflow.pages.edition import edition
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, exports=tmp_path, missions=tmp_path, pages_built=("all",))


def published(settings: Settings, content: str, build_id: str = "b0") -> None:
    settings.warehouse.mkdir(exist_ok=True)
    made = Build(date(2010, 11, 25), build_id, {"core.fct_case": (1, content)}, (), 1.0)
    write_manifest(settings.warehouse / MANIFEST, made)


def said(text: str) -> sets.Builder:
    return lambda _, folder: [
        (folder / name).write_text(text) for name in ("index.html", "two.html")
    ]  # type: ignore[return-value]


def broken(_: Settings, folder: Path) -> None:
    (folder / "index.html").write_text("half")
    raise KeyError("Zxqvella")


def test_a_set_that_breaks_leaves_what_was_there_and_harms_no_other(settings: Settings) -> None:
    published(settings, "a1")
    first = sets.build(settings, sets={"one": said("old"), "two": said("old")})
    assert (first.built, first.failed) == (("one", "two"), ())
    published(settings, "a2")
    second = sets.build(settings, sets={"one": broken, "two": said("new")})
    assert (second.built, second.failed) == (("two",), ("one (KeyError)",))  # not what it said
    assert (settings.pages / "one" / "index.html").read_text() == "old"
    assert (settings.pages / "two" / "index.html").read_text() == "new"
    assert "Zxqvella" not in second.text
    assert sorted(p.name.split("-")[0] for p in settings.pages.iterdir()) == [
        ".one", ".one.lock", ".two", ".two.lock", "one", "two",
    ]  # fmt: skip


def test_a_set_is_built_when_there_is_something_new_to_say(settings: Settings) -> None:
    calls: list[int] = []
    counted: dict[str, sets.Builder] = {"one": lambda *_: calls.append(1)}
    assert sets.build(settings, sets=counted).built == ()
    published(settings, "a1")
    sets.build(settings, sets=counted)
    sets.build(settings, sets=counted)
    published(settings, "a1", "b1")  # built and published once more, with the same content
    sets.build(settings, sets=counted)
    assert len(calls) == 1
    sets.build(settings, anew=True, sets=counted)
    published(settings, "a2")
    sets.build(settings, sets=counted)
    assert len(calls) == 3


@pytest.mark.parametrize(
    "path",
    [
        "missions/ALB.yml", "suites/case.json", "dbt/models/core/fct_case.sql", "dbt/dbt_project.yml",
        "home/releases/001/datapackage.json", "home/landing/ALB/seen.json",
    ],
)  # fmt: skip
def test_what_a_page_may_say_beside_the_warehouse_is_of_its_edition(
    tmp_path: Path, path: str
) -> None:
    made = Settings(
        tmp_path / "home", tmp_path, tmp_path / "missions", tmp_path / "suites", tmp_path / "dbt"
    )
    build = Build(date(2010, 11, 25), "b0", {}, (), 1.0)
    before = edition(made, build)
    assert edition(made, replace(build, build_id="b1", seconds=2.0)) == before
    assert edition(made, replace(build, night=date(2010, 11, 26))) != before
    assert edition(made, replace(build, tables={"core.fct_case": (1, "a1")})) != before
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("one")
    there = edition(made, build)
    assert there != before
    (tmp_path / path).write_text("two")
    assert (edition(made, build) != there) == (
        "landing" not in path
    )  # whether it is there is enough


def test_the_program_that_draws_is_of_the_edition(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Build(date(2010, 11, 25), "b0", {}, (), 1.0)
    before = edition(settings, build)
    package = settings.home / "package"
    package.mkdir()
    monkeypatch.setattr("counterflow.pages.edition._PACKAGE", package)
    without = edition(settings, build)
    (package / "start.html").write_text("<h1>")
    drawn = edition(settings, build)
    assert len({before, without, drawn}) == 3
    (package / "start.pyc").write_text("made of another file")
    assert edition(settings, build) == drawn


def test_a_reader_never_sees_half_of_two_editions(settings: Settings) -> None:
    published(settings, "a1")
    sets.build(settings, sets={"one": said("old")})
    seen: list[str] = []

    def watching(_: Settings, folder: Path) -> None:
        (folder / "index.html").write_text("new")
        seen.append((settings.pages / "one" / "index.html").read_text())
        (folder / "two.html").write_text("new")
        seen.append((settings.pages / "one" / "two.html").read_text())

    with (settings.pages / "one" / "two.html").open() as opened:
        published(settings, "a2")
        sets.build(settings, sets={"one": watching})
        assert seen == ["old", "old"]
        assert opened.read() == "old"  # who had it open reads it to its end
    assert (settings.pages / "one" / "two.html").read_text() == "new"


def test_what_a_killed_build_left_is_swept(settings: Settings) -> None:
    settings.pages.mkdir()
    (settings.pages / ".one-a0-0123abcd").mkdir()
    (settings.pages / ".other-a0-0123abcd").mkdir()
    published(settings, "a1")
    sets.build(settings, sets={"one": said("new")})
    left = {path.name for path in settings.pages.iterdir()}
    assert ".one-a0-0123abcd" not in left
    assert ".other-a0-0123abcd" in left


def test_no_names_or_unknown_ones(settings: Settings) -> None:
    published(settings, "a1")
    assert sets.build(settings, (), sets={"one": broken}).failed == ()
    with pytest.raises(ValueError, match="no pages are called nine; there are: one"):
        sets.build(settings, ("nine",), sets={"one": broken})


@pytest.mark.parametrize("said_", [None, "all", "none", "stewards, dbt"])
def test_what_is_built_is_a_setting(said_: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COUNTERFLOW_PAGES", raising=False)
    if said_ is not None:
        monkeypatch.setenv("COUNTERFLOW_PAGES", said_)
    wanted = {None: ("all",), "all": ("all",), "none": (), "stewards, dbt": ("stewards", "dbt")}
    assert Settings.from_env().pages_built == wanted[said_]


@pytest.mark.parametrize(
    "path", ["../secret", "link", "/etc/passwd", "a\0b", "folder", "no.html", "two.html/x"]
)
def test_nothing_outside_of_a_set_is_found(settings: Settings, path: str) -> None:
    published(settings, "a1")
    sets.build(settings, sets={"one": said("new")})
    (settings.pages / "secret").write_text("x")
    os.symlink("/etc/passwd", settings.pages / "one" / "link")
    (settings.pages / "one" / "folder").mkdir()
    assert shelf.find(settings, "one", path) is None
    assert shelf.find(settings, "..", path) is None


def test_what_is_in_a_set_is_found(settings: Settings) -> None:
    published(settings, "a1")
    sets.build(settings, sets={"one": said("new")})
    for path in ("", "index.html", "./index.html"):
        found = shelf.find(settings, "one", path)
        assert found is not None
        assert found.name == "index.html"
