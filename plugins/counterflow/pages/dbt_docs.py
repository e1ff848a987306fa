"""dbt's own documentation site as one file: the night's manifest in, `index.html` out.

dbt would make the catalogue by opening the build a second time, and write paths of this machine into the manifest. Here the
catalogue is read from the published file, and of the manifest stays what the site shows: our models, their text and
tests, and no compiled SQL.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from counterflow.pages.reading import opened
from counterflow.settings import Settings

_LEFT_OUT = (
    "compiled_code", "compiled_path", "build_path", "root_path", "checksum", "unrendered_config",
    "extra_ctes", "created_at",
)  # fmt: skip
_OURS = "counterflow"


class NoManifest(Exception):
    """dbt left no manifest on this machine."""


def build(settings: Settings, folder: Path) -> None:
    """Write `index.html`. Raises NoManifest where another machine built."""
    try:
        manifest = json.loads((settings.build / "dbt" / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        raise NoManifest("dbt left no manifest on this machine") from None
    page = files("dbt.task.docs").joinpath("index.html").read_text("utf-8")
    for name, data in (("MANIFEST", _kept(manifest)), ("CATALOG", _catalogue(settings, manifest))):
        mark = f'"{name}.JSON INLINE DATA"'
        if mark not in page:
            raise NoManifest("this version of dbt keeps its documentation in another form")
        page = page.replace(mark, _inline(data))
    (folder / "index.html").write_text(page, "utf-8")


def _inline(data: Any) -> str:
    """JSON within a script: no text of it can end the script."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def _kept(manifest: dict[str, Any]) -> dict[str, Any]:
    meta = manifest["metadata"]
    told = (
        "dbt_schema_version",
        "dbt_version",
        "generated_at",
        "project_name",
        "adapter_type",
        "quoting",
    )
    kept = {**manifest, "metadata": {**{name: meta.get(name) for name in told}, "env": {}}}
    for part in ("nodes", "sources", "exposures", "metrics", "unit_tests", "semantic_models"):
        kept[part] = {name: _plain(node) for name, node in manifest.get(part, {}).items()}
    kept["macros"] = {
        name: _plain(macro)
        for name, macro in manifest["macros"].items()
        if macro.get("package_name") == _OURS
    }
    for node in kept["nodes"].values():
        if "depends_on" in node:
            node["depends_on"] = {
                **node["depends_on"],
                "macros": [m for m in node["depends_on"].get("macros", []) if m in kept["macros"]],
            }
    return kept


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name not in _LEFT_OUT}


def _catalogue(settings: Settings, manifest: dict[str, Any]) -> dict[str, Any]:
    """What dbt calls a catalogue: the columns and types of every published table."""
    with opened(settings) as warehouse:
        columns = warehouse.rows(
            "select schema_name, table_name, column_name, column_index, data_type, comment from duckdb_columns() "
            "where not internal and database_name = current_database() order by all"
        )
        comments = {
            (row["schema_name"], row["table_name"]): row
            for row in warehouse.rows(
                "select schema_name, table_name, comment, estimated_size from duckdb_tables() "
                "where not internal and database_name = current_database()"
            )
        }
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for row in columns:
        one = held.setdefault((row["schema_name"], row["table_name"]), {})
        one[row["column_name"]] = {
            "name": row["column_name"], "index": row["column_index"], "type": row["data_type"], "comment": row["comment"],
        }  # fmt: skip
    nodes = {}
    for unique_id, node in manifest["nodes"].items():
        place = (node.get("schema"), node.get("alias") or node.get("name"))
        if node["resource_type"] in ("model", "seed", "snapshot") and place in held:
            table = comments.get(place, {})
            rows = table.get("estimated_size")
            nodes[unique_id] = {
                "unique_id": unique_id,
                "metadata": {"type": "BASE TABLE", "schema": place[0], "name": place[1], "database": "warehouse", "comment": table.get("comment"), "owner": None},
                "columns": held[place],
                "stats": {
                    "has_stats": {"id": "has_stats", "label": "Has Stats?", "value": rows is not None, "include": False, "description": ""},
                    "rows": {"id": "rows", "label": "Rows", "value": rows, "include": rows is not None, "description": "Rows of the published table"},
                },
            }  # fmt: skip
    return {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json", "generated_at": manifest["metadata"]["generated_at"], "env": {}},
        "nodes": nodes,
        "sources": {},
        "errors": None,
    }  # fmt: skip
