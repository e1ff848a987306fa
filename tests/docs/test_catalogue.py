"""docs/catalogue.md is what the dbt project says, and says all of it."""

from __future__ import annotations

from typing import Any

import pytest

from counterflow import catalogue
from counterflow.warehouse.hashes import PUBLIC


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return catalogue.manifest()


def test_the_page_is_current(found: dict[str, Any]) -> None:
    assert catalogue.PAGE.read_text("utf-8") == catalogue.page(found), (
        "docs/catalogue.md is not what the dbt project says: run `python -m counterflow.catalogue`"
    )


def test_every_published_column_is_there_with_its_meaning(found: dict[str, Any]) -> None:
    text = catalogue.page(found)
    columns = 0
    for node in found["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in PUBLIC:
            section = text.split(f"### {node['schema']}.{node['alias']}\n")[1].split("\n##")[0]
            assert "Caveat: " in section
            for column in node["columns"]:
                columns += 1
                line = next(
                    line for line in section.splitlines() if line.startswith(f"| {column} |")
                )
                assert len(line.split("|")[3].strip()) > 3, (node["name"], column)
    assert columns > 200


def test_lineage_goes_through_private_models(found: dict[str, Any]) -> None:
    lineage = catalogue.page(found).split("```mermaid")[1].split("```")[0]
    assert "    fct_case --> emerging" in lineage
    assert "    fct_control --> emerging" in lineage  # through tally_emerging
    assert "int_" not in lineage
    assert "stg_" not in lineage


def test_the_page_is_the_same_twice(found: dict[str, Any]) -> None:
    assert catalogue.page(found) == catalogue.page(catalogue.manifest())


def test_the_lineage_of_the_site_is_current(found: dict[str, Any]) -> None:
    assert catalogue.LINEAGE.read_text("utf-8") == catalogue.lineage_text(found), (
        "site/lineage.json is not what the dbt project says: run `python -m counterflow.catalogue`"
    )


def test_lineage_names_published_tables_both_ways(found: dict[str, Any]) -> None:
    made = catalogue.lineage(found)
    assert "core.fct_case" in made["analysis.emerging"]["made_of"]
    assert "analysis.emerging" in made["core.fct_case"]["read_by"]
    assert made["history.fct_case"]["made_of"] == ["core.fct_case"]
    assert {name.partition(".")[0] for name in made} == set(PUBLIC)
    for name, line in made.items():
        for parent in line["made_of"]:
            assert name in made[parent]["read_by"]
