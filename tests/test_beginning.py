"""`counterflow init`: what it makes passes its own check, and overwrites nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from counterflow.beginning import begin
from counterflow.contracts.schema import contract_schema

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agency") / "our contracts"
    begin(folder)
    return folder


def test_it_passes_its_own_check(made: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFLOW")}
    done = subprocess.run(
        ["make", "check"],
        cwd=made,
        env=environment | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 contract" in done.stdout


def test_editors_find_the_schema_and_the_example_holds_to_it(made: Path) -> None:
    schema = json.loads((made / "contracts" / "contract.schema.json").read_text("utf-8"))
    assert schema == contract_schema()
    contract = made / "contracts" / "MDA.yml"
    named = contract.read_text("utf-8").splitlines()[0].split("$schema=")[1]
    assert (contract.parent / named).is_file()
    jsonschema.validate(yaml.safe_load(contract.read_text("utf-8")), schema)
    told = json.loads((made / ".vscode" / "settings.json").read_text("utf-8"))["yaml.schemas"]
    assert [(made / place).is_file() for place in told] == [True]


def test_nothing_of_data_or_a_machine_would_be_committed(made: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=made, check=True)
    for name in ("cases.csv", "export.zip", "master.key", "settings.env", "w.duckdb"):
        (made / name).write_text("x", "utf-8")
        told = subprocess.run(["git", "check-ignore", "-q", name], cwd=made, check=False)
        assert told.returncode == 0, name
    workflow = yaml.safe_load((made / ".github/workflows/contracts.yml").read_text("utf-8"))
    assert any("make check" in step.get("run", "") for step in workflow["jobs"]["check"]["steps"])


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(ValueError, match="not empty"):
        begin(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
