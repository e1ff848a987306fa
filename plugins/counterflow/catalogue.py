"""The catalogue: every table of the warehouse, what it is made of and what is made of it, from dbt's manifest.

In: the dbt project (parsed, nothing is run). Out: `docs/catalogue.md`, and the lineage as data for the analysts' site
(`site/lineage.json`), which has no time to ask dbt each night; `python -m counterflow.catalogue` writes both.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from counterflow.settings import PROJECT
from counterflow.warehouse.hashes import PUBLIC

PAGE = PROJECT / "docs" / "catalogue.md"
LINEAGE = Path(__file__).with_name("site") / "lineage.json"

_HEAD = """# The catalogue

Written by `python -m counterflow.catalogue` from the dbt project. Whoever opens the warehouse finds the same words in the
comments of its tables and columns.

## Lineage

Arrows go from what is read to what is made. Exports are landed as Parquet; staging reads it, intermediate maps codes and
joins verdicts, tally counts by mission what the marts add up; the schemas below are published.

```mermaid
flowchart LR
{lineage}
```
"""


def manifest(project: Path = PROJECT / "dbt_project") -> dict[str, Any]:
    """dbt's manifest of the project, parsed anew."""
    from dbt.cli.main import dbtRunner  # dbt is heavy: only when needed

    with tempfile.TemporaryDirectory() as home:
        folders = (
            "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", home, "--log-path", home,
        )  # fmt: skip
        environment = {"COUNTERFLOW_HOME": home, "COUNTERFLOW_NIGHT": "2010-11-25"}
        with mock.patch.dict(os.environ, environment):
            run = dbtRunner().invoke(
                ["--quiet", "--no-send-anonymous-usage-stats", "parse", *folders]
            )
        if not run.success:
            raise RuntimeError(f"dbt cannot parse {project}: {run.exception}")
        found: dict[str, Any] = json.loads((Path(home) / "manifest.json").read_text("utf-8"))
        return found


def page(found: dict[str, Any]) -> str:
    """The text of `docs/catalogue.md`."""
    models = sorted(
        (node for node in found["nodes"].values() if node["resource_type"] == "model"),
        key=lambda node: str(node["name"]),
    )
    parts = [_HEAD.format(lineage="\n".join(_lineage(found, models)))]
    for schema in PUBLIC:
        if not any(model["schema"] == schema for model in models):
            continue
        parts.append(f"## {schema}\n")
        parts.extend(_snapshots(found, schema))
        for model in models:
            if model["schema"] == schema:
                parts.append("\n".join(_table(found, model)) + "\n")
    parts.append("## Metrics\n")
    parts.append("\n".join(_metrics(found)) + "\n")
    parts.append("## Who reads it\n")
    parts.append("\n".join(_exposures(found)) + "\n")
    return "\n".join(parts)


def lineage(found: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Each published table: the published tables that it is made of, and those that read it."""
    tables = {
        unique_id: f"{node['schema']}.{node['alias']}"
        for unique_id, node in found["nodes"].items()
        if node["resource_type"] in ("model", "snapshot") and node["schema"] in PUBLIC
    }
    made: dict[str, list[str]] = {
        name: sorted(tables[parent] for parent in _published_parents(found, unique_id, set(tables)))
        for unique_id, name in tables.items()
    }
    return {
        name: {
            "made_of": parents,
            "read_by": sorted(other for other, of in made.items() if name in of),
        }
        for name, parents in sorted(made.items())
    }


def lineage_text(found: dict[str, Any]) -> str:
    """The text of `site/lineage.json`."""
    return json.dumps(lineage(found), indent=1) + "\n"


def _lineage(found: dict[str, Any], models: list[dict[str, Any]]) -> Iterator[str]:
    """Published tables and what they are made of; the private models between are passed through."""
    published = {model["unique_id"] for model in models if model["schema"] in PUBLIC}
    for schema in PUBLIC:
        names = [model["name"] for model in models if model["schema"] == schema]
        yield f"    subgraph {schema}"
        yield from (f"        {name}" for name in names)
        yield "    end"
    for model in models:
        if model["schema"] in PUBLIC and model["schema"] != "core":
            for parent in sorted(_published_parents(found, model["unique_id"], published)):
                yield f"    {parent.rpartition('.')[2]} --> {model['name']}"


def _published_parents(found: dict[str, Any], node: str, published: set[str]) -> set[str]:
    parents: set[str] = set()
    for parent in found["parent_map"].get(node, []):
        if parent in published:
            parents.add(parent)
        elif parent.startswith("model."):
            parents |= _published_parents(found, parent, published)
    return parents


def _table(found: dict[str, Any], model: dict[str, Any]) -> Iterator[str]:
    grain, _, caveat = " ".join(model["description"].split()).partition("Caveat: ")
    yield f"### {model['schema']}.{model['alias']}\n"
    yield f"{grain.strip()}\n"
    yield f"Caveat: {caveat.strip()}\n"
    reads = _named(found["parent_map"].get(model["unique_id"], []), ("model", "seed", "source"))
    read_by = _named(found["child_map"].get(model["unique_id"], []), ("model", "exposure"))
    yield f"Made of {reads or 'the models themselves'}. Read by {read_by or 'nothing else here'}.\n"
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in model["columns"].values():
        meaning = " ".join(column["description"].split()).replace("|", "\\|")
        yield f"| {column['name']} | {column['data_type']} | {meaning} |"


def _snapshots(found: dict[str, Any], schema: str) -> Iterator[str]:
    """One line on the facts whose past is kept in `schema`."""
    kept = [
        node["unique_id"]
        for node in found["nodes"].values()
        if node["resource_type"] == "snapshot" and node["schema"] == schema
    ]
    if kept:
        yield f"Kept over time, with the columns of core and `valid_from`, `valid_until`: {_named(kept, ('snapshot',))}.\n"


def _named(nodes: list[str], kinds: tuple[str, ...]) -> str:
    names = sorted({n.rpartition(".")[2] for n in nodes if n.partition(".")[0] in kinds})
    return ", ".join(f"`{name}`" for name in names)


def _metrics(found: dict[str, Any]) -> Iterator[str]:
    yield "| metric | type | made of | meaning |"
    yield "|---|---|---|---|"
    for metric in sorted(found["metrics"].values(), key=lambda metric: str(metric["name"])):
        parameters = metric["type_params"]
        if metric["type"] == "ratio":
            made = f"`{parameters['numerator']['name']}` / `{parameters['denominator']['name']}`"
        else:
            made = f"measure `{parameters['measure']['name']}`"
        yield f"| `{metric['name']}` | {metric['type']} | {made} | {metric['description']} |"


def _exposures(found: dict[str, Any]) -> Iterator[str]:
    yield "| reader | tables | what |"
    yield "|---|---|---|"
    for exposure in sorted(found["exposures"].values(), key=lambda exposure: str(exposure["name"])):
        tables = _named(exposure["depends_on"]["nodes"], ("model",))
        yield f"| {exposure['label']} | {tables} | {' '.join(exposure['description'].split())} |"


if __name__ == "__main__":
    parsed = manifest()
    for path, text in ((PAGE, page(parsed)), (LINEAGE, lineage_text(parsed))):
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(PROJECT)} written")
