"""Pages hold together: links lead somewhere, runbooks exist, and lists in them are complete."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterflow.landing import FINAL
from counterflow.settings import PROJECT
from counterflow.warehouse import contract_signals
from counterflow.warehouse.gates import NAMES
from tests.docs.pages import PAGES, headings, links

DOCS = PROJECT / "docs"
PACKAGE = PROJECT / "plugins"


def broken_links(page: Path) -> Iterator[str]:
    for link in links(page):
        if re.match(r"[a-z]+://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in headings(path)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_links_resolve(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](page.md#one-two) [b](page.md#three) [c](other.md)\n")
    assert list(broken_links(page)) == ["page.md#three", "other.md"]


def sources(*endings: str) -> Iterator[Path]:
    for folder in ("plugins", "dags", "expectations", "dbt_project"):
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in endings and "target" not in path.parts:
                yield path


def test_runbooks_and_pages_that_the_code_names_exist() -> None:
    named = {
        name
        for path in sources(".py", ".json", ".yml", ".sql")
        for name in re.findall(r"docs/[\w/]+\.md", path.read_text("utf-8"))
    }
    assert "docs/runbooks/gate_failed.md" in named
    assert sorted(name for name in named if not (PROJECT / name).exists()) == []


def test_every_runbook_is_listed_and_has_its_four_parts() -> None:
    index = links(DOCS / "runbooks/README.md")
    for page in sorted((DOCS / "runbooks").glob("*.md")):
        if page.name == "README.md":
            continue
        assert page.name in index
        text = page.read_text("utf-8")
        for part in ("## See it", "## What it means", "## What to do", "## Check that it is cured"):
            assert part in text, f"{page.name} lacks {part}"


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    index = links(DOCS / "adr/README.md")
    for page in sorted((DOCS / "adr").glob("0*.md")):
        assert page.name in index
        text = page.read_text("utf-8")
        for part in ("## Context", "## Decision", "## Consequences", "## Rejected"):
            assert part in text, f"{page.name} lacks {part}"


def refusal_codes() -> set[str]:
    """Every code with which ingest refuses, from the calls of `Refused` in the source."""
    codes = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                codes |= {c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant)}
    return codes


def first_cells(page: Path) -> set[str]:
    """What stands as code in the first cells of the page's tables."""
    rows = re.findall(r"^\| *([^|]+?) *\|", page.read_text("utf-8"), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def test_every_refusal_has_its_cure() -> None:
    codes = refusal_codes()
    assert {"missing_column", "zip_bomb"} <= codes
    suite = json.loads((PROJECT / "expectations/profile.json").read_text("utf-8"))
    rules = {e["meta"]["rule_id"] for e in suite["expectations"] if e.get("severity") == "critical"}
    assert first_cells(DOCS / "runbooks/mission_refused.md") == codes | rules


def test_every_gate_has_its_cure() -> None:
    assert first_cells(DOCS / "runbooks/gate_failed.md") == {*NAMES, "build", "publish"}


def test_every_gate_is_in_the_page_on_data_protection() -> None:
    assert first_cells(DOCS / "data_protection.md") == set(NAMES)


def test_every_kind_of_signal_is_explained() -> None:
    text = "".join(path.read_text("utf-8") for path in (PACKAGE / "counterflow").glob("**/*.py"))
    found = r'signals\.add\(\s*"(\w+)"|add_(?:tokens|if_both)\(\s*"(\w+)"|notes = \[\("(\w+)"'
    kinds = {a or b or c for a, b, c in re.findall(found, text)}
    assert "unmapped_code" in kinds
    kinds |= set(contract_signals.KINDS)
    kinds |= {"case_vanished", "case_reappeared", "case_merged"}  # what history counts
    table = (DOCS / "analysts.md").read_text("utf-8").partition("| kind | what was found |")[2]
    explained = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert set(explained) == kinds


def test_every_status_is_explained() -> None:
    assert set(FINAL) <= first_cells(DOCS / "engineers.md")
    stewards = (DOCS / "stewards.md").read_text("utf-8")
    assert [status for status in FINAL if f"**{status}**" not in stewards] == []


def test_every_setting_is_documented() -> None:
    files = [*sources(".py", ".yml"), PROJECT / "Makefile"]
    read = r"(?:environ(?:\.get\(|\[)|env_var\()\s*['\"](COUNTERFLOW_\w+)"
    used = {name for path in files for name in re.findall(read, path.read_text("utf-8"))}
    assert "COUNTERFLOW_HOME" in used
    documented = {n for n in first_cells(DOCS / "engineers.md") if n.startswith("COUNTERFLOW_")}
    assert documented == used


def test_every_make_target_is_shown() -> None:
    targets = set(
        re.findall(r"^([a-z]+):.*## ", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {t for t in targets - {"install"} if f"make {t}" not in text} == set()
