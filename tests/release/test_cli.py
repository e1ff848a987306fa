"""`counterflow release build|list|verify`: what they print, and how they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from counterflow.cli import app
from counterflow.release import ledger, places
from counterflow.release import policy as policies
from counterflow.release.errors import ReleaseRefused
from tests.release.conftest import Copy, World


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The committed policy with few columns and tables, as a file."""
    said = yaml.safe_load(policies.FILE.read_text("utf-8"))
    chosen = ("registration_year", "gender", "is_sexual_exploitation")
    said["microdata"] = {name: said["microdata"][name] for name in chosen}
    said["tables"] = {name: said["tables"][name] for name in ("profiles", "trends")}
    path = tmp_path / "policy.yml"
    path.write_text(yaml.safe_dump(said | {"floor_cases": 200}), "utf-8")
    return path


def run(
    world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str, input: str | None = None
) -> Result:
    monkeypatch.setenv("COUNTERFLOW_HOME", str(world.settings.home))
    return CliRunner().invoke(app, ["release", *arguments], input=input)


@pytest.fixture
def empty(candidate_world: World, copy: Copy) -> World:
    world = copy(candidate_world)
    shutil.rmtree(world.releases)
    return world


def test_approved_by_name_it_is_released(
    empty: World, monkeypatch: pytest.MonkeyPatch, policy: Path
) -> None:
    done = run(empty, monkeypatch, "build", "--policy", str(policy), "--approve", "desk")
    assert done.exit_code == 0, done.output
    assert "approved by desk" in done.output
    assert "k_anonymity" in done.output
    listed = run(empty, monkeypatch, "list")
    assert "released" in listed.output
    assert "desk" in listed.output
    checked = run(empty, monkeypatch, "verify", "--json")
    assert checked.exit_code == 0
    assert all(one["passed"] for one in json.loads(checked.output)["001"])


@pytest.mark.parametrize("options", [(), ("--json",), ("--approve", " ")])
def test_without_a_yes_nothing_is_released(
    empty: World, monkeypatch: pytest.MonkeyPatch, policy: Path, options: tuple[str, ...]
) -> None:
    done = run(
        empty, monkeypatch, "build", "--policy", str(policy), *options, input="y\nsomebody\n"
    )
    assert done.exit_code == 1  # a pipe is no person
    assert places.released(empty.releases) == []
    assert places.pending(empty.releases) is None
    assert ledger.read(empty.releases)[-1]["event"] == "rejected"


def test_a_release_that_was_changed_ends_with_1(
    released_world: World, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copy(released_world)
    path = world.releases / "001/data/trends.csv"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("feminine", "masculine", 1))
    assert run(world, monkeypatch, "verify", "001").exit_code == 1
    assert run(world, monkeypatch, "verify", "--path", str(world.releases / "001")).exit_code == 1


def test_nothing_released_is_said(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(empty, monkeypatch, "verify")
    assert done.exit_code == 1
    assert "nothing has been released" in done.output
    assert run(empty, monkeypatch, "list", "--json").output.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--k", "5"), "k is 5"), (("--number", "1"), "is no number")],
)
def test_a_refusal_is_one_line(
    empty: World, monkeypatch: pytest.MonkeyPatch, policy: Path, options: tuple[str, ...], word: str
) -> None:
    done = run(empty, monkeypatch, "build", "--policy", str(policy), "--approve", "desk", *options)
    assert isinstance(done.exception, ReleaseRefused)
    assert word in str(done.exception)
    assert "\n" not in str(done.exception)
    from counterflow.refusals import is_refusal

    assert is_refusal(done.exception)
