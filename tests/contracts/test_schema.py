"""The JSON Schema that editors use: up to date, and of one mind with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from counterflow.contracts.schema import FILE, contract_schema, text

MISSIONS = FILE.parent
CONTRACTS = sorted([*MISSIONS.glob("[A-Z][A-Z][A-Z].yml"), *MISSIONS.glob("dialects/*.yml")])
VALIDATOR = jsonschema.Draft202012Validator(contract_schema())


def as_an_editor_reads_it(path: Path) -> Any:
    """YAML 1.2, so that `-99` is a number; keys are text, as in JSON."""

    def worded(node: Any) -> Any:
        if isinstance(node, dict):
            return {str(key): worded(value) for key, value in node.items()}
        return [worded(inner) for inner in node] if isinstance(node, list) else node

    return worded(YAML(typ="safe").load(path.read_text("utf-8")))


def test_the_committed_file_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == text(), "run `python -m counterflow.contracts.schema`"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(contract_schema())


def test_a_small_mission_and_its_dialect_are_valid(missions: Path) -> None:
    for path in (missions / "MDA.yml", missions / "dialects" / "legacy.yml"):
        VALIDATOR.validate(as_an_editor_reads_it(path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cadence:", "cadense:"),
        ("encoding: cp1250", "encodign: cp1250"),
        ("basis: registration", "basis: guess"),
        ("until: 2008-12", "until: 12.2008"),
        ("country_of_exploitation:", "country_of_exploration:"),
        ("fall: 20 %", "fall: a lot"),
        ("  case:\n    columns", "  cases:\n    columns"),
    ],
)
def test_an_editor_marks_what_the_loader_refuses(
    missions: Path, change, old: str, new: str
) -> None:
    change(old, new)
    assert not VALIDATOR.is_valid(as_an_editor_reads_it(missions / "MDA.yml"))


def test_a_tilde_is_valid_wherever_something_is_inherited(missions: Path, change) -> None:
    change("  case:\n    columns:", "  control: ~\n  case:\n    columns:\n      gender: ~")
    VALIDATOR.validate(as_an_editor_reads_it(missions / "MDA.yml"))


def test_every_key_of_the_language_is_explained() -> None:
    definitions = contract_schema()["$defs"]
    mappings = [
        option
        for definition in definitions.values()
        for option in (definition, *definition.get("anyOf", ()))
        if "properties" in option
    ]
    silent = [
        name
        for mapping in mappings
        for name, property_ in mapping["properties"].items()
        if not property_.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_the_committed_contracts_are_valid_and_name_the_schema(path: Path) -> None:
    VALIDATOR.validate(as_an_editor_reads_it(path))
    up = "../" if path.parent.name == "dialects" else ""
    first = path.read_text("utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema={up}contract.schema.json"
