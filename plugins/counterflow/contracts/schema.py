"""The contract language as a JSON Schema, so that an editor explains and completes a contract.

In: the pydantic models. Out: `contract.schema.json` beside the contracts. The schema knows what a
key may hold, not what a whole contract needs: a mission may leave to its dialect whatever it
likes, and a dialect is a part by nature. What is missing is told by `counterflow contracts check`.

`python -m counterflow.contracts.schema` writes it anew after the language was changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from counterflow.canonical import COUNTRY_BASES, TABLES
from counterflow.contracts.model import Contract
from counterflow.contracts.scalars import WORD
from counterflow.settings import PROJECT

FILE = PROJECT / "dags" / "missions" / "contract.schema.json"
_NULL = {"type": "null"}  # `~`: what was inherited is taken away
_PLAIN_OR_MAPPING = ("Header", "Code", "Column")  # these may be written as a word


def contract_schema() -> dict[str, Any]:
    """The JSON Schema of a mission's contract or of a dialect."""
    schema: dict[str, Any] = _eased(Contract.model_json_schema(by_alias=True))
    definitions = schema["$defs"]
    for name in _PLAIN_OR_MAPPING:
        mapping = definitions[name]
        about = mapping.pop("description")
        definitions[name] = {"description": about, "anyOf": [WORD, mapping, _NULL]}
    header = {"$ref": "#/$defs/Header"}
    table = definitions["Table"]["properties"]
    table["key"] = {
        "description": "the column of the case number, or the columns that make it up together",
        "anyOf": [header, {"type": "array", "items": header}],
    }
    definitions["Merged"]["properties"]["from"] = {
        "description": "the column of the surviving case's number, or its parts, as in `key`",
        "anyOf": [header, {"type": "array", "items": header}],
    }
    column = definitions["Column"]["anyOf"][1]["properties"]
    column["basis"] = {**column["basis"], "anyOf": [{"enum": list(COUNTRY_BASES)}, _NULL]}
    table["answers"] = column["codes"] = definitions["Local"]["properties"]["codes"] = _codes()
    schema["properties"]["tables"] = _tables()
    own = schema["properties"]["codes"]["anyOf"][0]
    own["additionalProperties"]["anyOf"].insert(0, {"type": "string"})
    schema["title"] = "Contract of a mission"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _codes() -> dict[str, Any]:
    """The name of a list, an inline map, or several of both."""
    inline = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Code"}}
    one = [{"type": "string"}, inline]
    return {
        "description": "a list of `codes/` or of `codes:`, the codes themselves, or several of both",
        "anyOf": [*one, {"type": "array", "items": {"anyOf": one}}, _NULL],
    }


def _tables() -> dict[str, Any]:
    """The canonical tables, each with the fields that it has."""
    properties = {}
    for name, canonical in TABLES.items():
        fields = {"propertyNames": {"enum": [field.name for field in canonical.fields]}}
        groups = {"additionalProperties": fields}
        narrowed = {"properties": {"columns": fields, "becomes": fields, "groups": groups}}
        properties[name] = {
            "description": canonical.grain,
            "anyOf": [{"allOf": [{"$ref": "#/$defs/Table"}, narrowed]}, _NULL],
        }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _eased(node: Any, names: bool = False) -> Any:
    """Pydantic's schema without what only a whole contract needs; words where text is meant.

    `names`: the keys of `node` are names of the language, not of JSON Schema.
    """
    if isinstance(node, list):
        return [_eased(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    eased = {
        key: _eased(value, names=key in ("properties", "$defs"))
        for key, value in node.items()
        if names or key not in ("required", "default", "title")
    }
    if names:
        return eased
    if eased.get("type") == "string" and not {"enum", "pattern"} & set(eased):
        eased |= WORD
        eased.pop("minLength", None)
    if "properties" in eased:
        eased["properties"] = {k: _removable(v) for k, v in eased["properties"].items()}
    if isinstance(eased.get("additionalProperties"), dict):
        eased["additionalProperties"] = _removable(eased["additionalProperties"])
    return eased


def _removable(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema`, or `~`."""
    about = {"description": schema["description"]} if "description" in schema else {}
    bare = {key: value for key, value in schema.items() if key != "description"}
    options = bare["anyOf"] if set(bare) == {"anyOf"} else [bare]
    return {**about, "anyOf": options if _NULL in options else [*options, _NULL]}


def text() -> str:
    """What stands in the committed file."""
    return json.dumps(contract_schema(), indent=1, ensure_ascii=False) + "\n"


def write(path: Path = FILE) -> None:
    """Write the schema file."""
    path.write_text(text(), "utf-8")


if __name__ == "__main__":
    write()
