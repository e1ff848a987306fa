"""What a release says for people and for programs: read as its users would read it."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import frictionless
import mlcroissant
import pyarrow as pa
import pytest

from counterflow.release import folder
from counterflow.release.folder import Material
from counterflow.release.losses import distance, losses, moved
from tests.release.conftest import World

DDI = "{ddi:codebook:2_5}"


@pytest.fixture(scope="module")
def released(released_world: World) -> Path:
    return released_world.releases / "001"


@pytest.fixture(scope="module")
def material(released: Path) -> Material:
    return folder.read(released)


def test_frictionless_finds_the_package_and_every_table_valid(released: Path) -> None:
    report = frictionless.validate(str(released / "datapackage.json"))
    problems = [(task.name, e.message) for task in report.tasks for e in task.errors]
    assert problems == []
    assert report.valid, report.errors
    assert report.stats["tasks"] >= 13


def test_frictionless_finds_a_value_that_no_list_has(released: Path, tmp_path: Path) -> None:
    """The control of the test above."""
    copied = tmp_path / "r"
    subprocess.run(["cp", "-r", str(released), str(copied)], check=True)
    path = copied / "data/trends.csv"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("feminine", "woman", 1))
    assert not frictionless.validate(str(copied / "datapackage.json")).valid


def test_croissant_loads_every_table_as_its_csv_is(released: Path, material: Material) -> None:
    found = mlcroissant.Dataset(released / "croissant.json")
    assert not found.metadata.ctx.issues.errors
    kinds = {one.uuid for one in found.metadata.record_sets}
    assert kinds == {*material.tables, "codes"}
    for name in ("microdata", "trends", "codes"):
        records = list(found.records(name))
        table = (
            material.table(name).to_pylist()
            if name != "codes"
            else list(csv.DictReader((released / "codes.csv").open(encoding="utf-8", newline="")))
        )
        assert [
            {
                k.partition("/")[2]: v.decode() if isinstance(v, bytes) else v or ""
                for k, v in r.items()
            }
            for r in records
        ] == table
    told = json.loads((released / "croissant.json").read_text("utf-8"))
    assert "never prevalence" in told["description"]
    for one in told["distribution"]:
        data = (released / one["contentUrl"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(data).hexdigest()


def test_croissant_refuses_what_names_a_column_that_is_not_there(
    released: Path, tmp_path: Path
) -> None:
    """The control of the test above."""
    subprocess.run(["cp", "-r", str(released), str(tmp_path / "r")], check=True)
    path = tmp_path / "r/croissant.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"column": "gender"', '"column": "name"'))
    with pytest.raises(Exception, match="trends"):
        list(mlcroissant.Dataset(path).records("trends"))


def test_the_package_says_licence_sources_and_caveats(released: Path) -> None:
    told = json.loads((released / "datapackage.json").read_text("utf-8"))
    assert told["licenses"][0]["name"] == "CC-BY-4.0"
    assert told["sources"]
    assert "never prevalence" in told["description"]
    for resource in told["resources"]:
        path = released / resource["path"]
        assert path.stat().st_size == resource.get("bytes", path.stat().st_size)
        for field in resource.get("schema", {}).get("fields", []):
            assert field["name"]
            if resource["name"] != "codes":
                assert field["title"]
                assert field["description"]


def test_the_codebook_is_whole(released: Path, material: Material) -> None:
    root = ET.parse(released / "ddi.xml").getroot()
    assert root.tag == f"{DDI}codeBook"
    assert root.get("version") == "2.5"
    for path in (
        "docDscr/citation/titlStmt/titl",
        "stdyDscr/citation/titlStmt/IDNo",
        "stdyDscr/citation/rspStmt/AuthEnty",
        "stdyDscr/stdyInfo/abstract",
        "stdyDscr/stdyInfo/sumDscr/anlyUnit",
        "stdyDscr/stdyInfo/sumDscr/universe",
        "stdyDscr/dataAccs/useStmt/conditions",
        "fileDscr/fileTxt/dimensns/caseQnty",
    ):
        found = root.find("/".join(DDI + tag for tag in path.split("/")))
        assert found is not None, path
        assert found.text, path
    order = [child.tag.removeprefix(DDI) for child in root]
    parts = ["docDscr", "stdyDscr", "fileDscr", "dataDscr"]
    assert sorted(order, key=parts.index) == order
    variables = root.findall(f"{DDI}dataDscr/{DDI}var")
    assert [v.get("name") for v in variables] == material.microdata.column_names
    for variable in variables:
        values = material.microdata[str(variable.get("name"))].to_pylist()
        for category in variable.findall(f"{DDI}catgry"):
            value, count = (category.findtext(DDI + tag) for tag in ("catValu", "catStat"))
            assert int(str(count)) == values.count(value)
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))


def test_every_table_has_its_tags(released: Path, material: Material) -> None:
    for name in material.tables:
        with (released / "hxl" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            header, tags, *rows = list(csv.reader(file))
        assert header == material.table(name).column_names
        assert all(re.fullmatch(r"#[a-z]+(\+[a-z][a-z_0-9]*)*", tag) for tag in tags)
        assert len(rows) == material.table(name).num_rows


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action") and not (
                value or ""
            ).startswith("#"):
                self.outside.append(f"{tag} {name}={value}")


def test_the_page_asks_for_nothing_from_outside(released: Path) -> None:
    page = (released / "report.html").read_text("utf-8")
    parsed = _Page()
    parsed.feed(page)
    assert parsed.outside == []
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(parsed.tags)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert parsed.tags.count("figure") >= 3
    assert parsed.tags.count("svg") == parsed.tags.count("figure")


def test_the_page_says_what_is_lost_as_the_file_shows_it(
    released: Path, material: Material
) -> None:
    page = (released / "report.html").read_text("utf-8")
    for one in losses(material.microdata, material.about.policy):
        levels = material.about.policy.levels(one.column)
        rows = list(zip(*(material.microdata[c].to_pylist() for c in levels), strict=True))
        nothing = sum(set(row) == {"suppressed"} for row in rows) / len(rows)
        assert one.suppressed == pytest.approx(nothing)
        assert one.exact + one.coarser + one.suppressed == pytest.approx(1)
        assert f"<td>{one.column}</td>" in page
        assert f"{one.suppressed:.1%}" in page


def test_how_far_shares_moved(material: Material) -> None:
    tables = {
        "profiles": pa.table({"attribute": ["gender"] * 2, "value": ["feminine", "masculine"], "cases": [60, 40]}),
        "microdata": pa.table({c: ["suppressed"] * 4 for c in material.about.policy.columns} | {"gender": ["feminine"] * 3 + ["suppressed"]}),
    }  # fmt: skip
    found = moved(tables, material.about.policy)
    assert [(m.value, m.before, m.after) for m in found if m.column == "gender"] == [
        ("feminine", 0.6, 1.0),
        ("masculine", 0.4, 0.0),
    ]
    assert distance(found, "gender") == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["README.md", "report.html"])
def test_what_may_not_be_concluded_stands_where_people_read(released: Path, name: str) -> None:
    text = (released / name).read_text("utf-8")
    for words in (
        "never prevalence",
        "neither unknown nor not_asked",
        "too few to be shown",
        "keeps what that release said",
    ):
        assert words in text  # fmt: skip


def test_four_kinds_of_nothing_are_told_apart(released: Path, material: Material) -> None:
    """-99 for everything is what this is not."""
    with (released / "codes.csv").open(encoding="utf-8", newline="") as file:
        meant = {row["code"]: row["definition"] for row in csv.DictReader(file)}
    kinds = ("unknown", "not_asked", "suppressed", "not_stated")
    assert len({meant[kind] for kind in kinds}) == 4
    known = set(meant) | {"all"}
    seen = {v for c in material.microdata.columns for v in c.to_pylist()}
    assert {"suppressed", "unknown"} <= seen
    assert not {"", "-99", "NA", "nan", "None"} & seen
    assert {v for v in seen if not re.fullmatch(r"\d{4}(-\d{4})?", v)} - known <= _names_of_regions(
        material
    )


def _names_of_regions(material: Material) -> set[str]:
    levels = [
        c
        for c in material.microdata.column_names
        if c.endswith(("region", "stage", "majority", "group"))
    ]
    return {v for c in levels for v in material.microdata[c].to_pylist()}


def test_the_sums_are_those_that_sha256sum_checks(released: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=released, check=True)


def test_no_exact_number_of_persons_is_said(released_world: World, material: Material) -> None:
    assert material.about.cases == 700
    assert material.about.cases % 100 == 0
    assert material.about.missions % 10 == 0
