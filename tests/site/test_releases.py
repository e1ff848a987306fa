"""Releases beside the warehouse are linked where the links will hold, and named where they would not."""

from __future__ import annotations

import json
from pathlib import Path

from counterflow.site.releases import releases


def release(home: Path, number: str) -> None:
    folder = home / "releases" / number
    (folder / "hxl").mkdir(parents=True)
    said = {"title": f"Release {number}", "created": "2010-11-25T00:00:00Z"}
    (folder / "datapackage.json").write_text(json.dumps(said))
    for name in ("README.md", "croissant.json", "hxl/microdata.csv"):
        (folder / name).write_text("")


def test_links_lead_from_the_pages_to_the_files(tmp_path: Path) -> None:
    for number in ("001", "002"):
        release(tmp_path, number)
    (tmp_path / "releases" / ".candidate-003").mkdir()
    out = tmp_path / "pages" / ".analysts-a1"
    found = releases(tmp_path / "releases", out, tmp_path)
    assert [(r.number, r.title, r.night) for r in found] == [
        ("002", "Release 002", "2010-11-25"), ("001", "Release 001", "2010-11-25"),
    ]  # fmt: skip
    out.mkdir(parents=True)
    assert {told for _, told in found[0].files} >= {
        "Croissant metadata",
        "data package (Frictionless)",
    }
    for where, _ in found[0].files:
        assert (out / where).is_file()


def test_a_site_elsewhere_names_them_and_no_path_of_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    release(home, "001")
    (found,) = releases(home / "releases", tmp_path / "elsewhere", home)
    assert {where for where, _ in found.files} == {""}


def test_what_cannot_be_read_is_left_to_verify(tmp_path: Path) -> None:
    release(tmp_path, "001")
    (tmp_path / "releases" / "001" / "datapackage.json").write_text("{")
    assert releases(tmp_path / "releases", tmp_path / "pages" / "a", tmp_path) == []
    assert releases(tmp_path / "none", tmp_path / "a", tmp_path) == []
