"""The dbt project as others may build on it: groups and access, exposures, metrics that can be computed, no warning."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest

from counterflow import catalogue
from counterflow.warehouse.hashes import PUBLIC
from tests.dbt import small_night
from tests.dbt.small_night import NIGHT


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return catalogue.manifest()


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_the_project_parses_without_a_warning(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("parsed")
    (home / "build").mkdir()
    run = small_night.dbt(home, NIGHT, "--warn-error", "parse")
    assert run.success, run.exception


def test_what_is_published_is_public_and_the_rest_private(manifest: dict[str, Any]) -> None:
    for model in models(manifest):
        assert model["config"]["group"] == "warehouse", model["name"]
        expected = "public" if model["schema"] in PUBLIC else "private"
        assert model["config"]["access"] == expected, model["name"]
        assert model["contract"]["enforced"] == (expected == "public"), model["name"]


def test_every_published_model_has_a_test_of_its_grain(manifest: dict[str, Any]) -> None:
    for model in models(manifest):
        if model["schema"] in PUBLIC:
            tests = [
                manifest["nodes"][child]["name"]
                for child in manifest["child_map"][model["unique_id"]]
                if child.startswith("test.")
            ]
            assert any(name.startswith("unique_key_") for name in tests), model["name"]


def test_every_mart_is_read_by_an_exposure(manifest: dict[str, Any]) -> None:
    read = {n for e in manifest["exposures"].values() for n in e["depends_on"]["nodes"]}
    unread = [
        model["name"]
        for model in models(manifest)
        if model["schema"] in ("analysis", "quality") and model["unique_id"] not in read
    ]
    assert unread == [], "name them in dbt_project/models/exposures.yml"
    for exposure in manifest["exposures"].values():
        assert exposure["owner"]["name"]
        for node in exposure["depends_on"]["nodes"]:
            assert manifest["nodes"][node]["config"]["access"] == "public"


def test_there_are_metrics_with_names_and_meanings(manifest: dict[str, Any]) -> None:
    metrics = manifest["metrics"].values()
    shares = [metric for metric in metrics if metric["type"] == "ratio"]
    assert len(shares) >= 10
    assert len(metrics) >= 12
    for metric in metrics:
        assert metric["description"].endswith("."), metric["name"]
    for metric in shares:  # law 8: a share says its denominator
        assert (
            metric["type_params"]["numerator"]["name"]
            != metric["type_params"]["denominator"]["name"]
        )
        assert "of " in metric["description"].lower() or "yes or no" in metric["description"]


def measures(manifest: dict[str, Any]) -> dict[str, str]:
    """Measure to the query that MetricFlow would make of it, without dimensions."""
    found = {}
    for model in manifest["semantic_models"].values():
        relation = f"{model['node_relation']['schema_name']}.{model['node_relation']['alias']}"
        for measure in model["measures"]:
            value = measure["expr"] or measure["name"]
            aggregate = {"sum": f"sum({value})", "count_distinct": f"count(distinct {value})"}
            found[measure["name"]] = f"select {aggregate[measure['agg']]} from {relation}"
    return found


def test_every_metric_can_be_computed(
    manifest: dict[str, Any], warehouse: duckdb.DuckDBPyConnection
) -> None:
    queries = measures(manifest)
    value = {}
    for name, query in queries.items():
        value[name] = (warehouse.execute(query).fetchone() or (None,))[0]
    simple = {
        metric["name"]: value[metric["type_params"]["measure"]["name"]]
        for metric in manifest["metrics"].values()
        if metric["type"] == "simple"
    }
    for metric in manifest["metrics"].values():
        if metric["type"] == "ratio":
            parameters = metric["type_params"]
            top = simple[parameters["numerator"]["name"]]
            bottom = simple[parameters["denominator"]["name"]]
            assert 0 <= top <= bottom, metric["name"]
    (cases,) = warehouse.execute("select count(*) from core.fct_case").fetchone() or (None,)
    assert simple["registered_cases"] == cases
    assert simple["women_cases"] == 2
    assert simple["gender_known_cases"] == 3


def test_dimensions_and_entities_are_columns(
    manifest: dict[str, Any], warehouse: duckdb.DuckDBPyConnection
) -> None:
    for model in manifest["semantic_models"].values():
        relation = f"{model['node_relation']['schema_name']}.{model['node_relation']['alias']}"
        columns = {row[0] for row in warehouse.execute(f"describe {relation}").fetchall()}
        named = {d["expr"] or d["name"] for d in model["dimensions"]}
        named |= {e["expr"] or e["name"] for e in model["entities"]}
        assert named <= columns


def test_the_time_spine_has_every_day_to_the_end_of_the_night_s_month(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    first, last, days = (
        warehouse.execute(
            "select min(calendar_day), max(calendar_day), count(*) from core.dim_day"
        ).fetchone()
        or ()
    )
    assert (first, last) == (date(2007, 1, 1), date(2010, 11, 30))
    assert days == (last - first).days + 1
