"""From a JSON document to flat records: one dict of dotted names and texts per list entry.

`cases.route` is the list `route` of each entry of `cases`; each record of a nested list carries
its parents' plain values under `^.` (and `^.^.` …), so that it can name its case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from counterflow.sources.errors import Refused

_ASK = "Ask the mission to export again"
LIST_DELIMITER = "; "
_DEPTH = 20


def parse_json(text: str) -> Any:
    """The document. Raises Refused, which names the line and never the text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"the JSON breaks off or is malformed at line {error.lineno}"
        raise Refused("bad_json", problem, _ASK) from None
    except (RecursionError, ValueError):
        raise Refused(
            "bad_json", "the JSON is nested too deeply or holds absurd numbers", _ASK
        ) from None


def flatten(document: Any, path: str) -> list[dict[str, str]]:
    """The records of the list at `path` (dotted; empty for the document itself)."""
    return list(_records(document, [part for part in path.split(".") if part], {}))


def _records(value: Any, path: list[str], parent: dict[str, str]) -> Iterator[dict[str, str]]:
    if isinstance(value, list):
        for entry in value:
            if not isinstance(entry, dict):
                raise Refused("bad_json", "a list of records holds something else", _ASK)
            if path:
                plain = {f"^.{key}": text for key, text in {**_plain(entry), **parent}.items()}
                yield from _records(entry.get(path[0], []), path[1:], plain)
            else:
                yield {**parent, **_plain(entry)}
    elif isinstance(value, dict) and path:
        if path[0] not in value:
            raise Refused("missing_list", "the document lacks a list that the contract names", _ASK)
        yield from _records(value[path[0]], path[1:], parent)
    elif value is not None:
        raise Refused("bad_json", "the document has no list where the contract says", _ASK)


def _plain(entry: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """The plain values of a record by dotted name; lists of plain values are joined."""
    if depth > _DEPTH:
        raise Refused("bad_json", f"a record is nested more than {_DEPTH} deep", _ASK)
    flat: dict[str, str] = {}
    for key, value in entry.items():
        if isinstance(value, dict):
            flat |= _plain(value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, list):
            if not any(isinstance(item, (dict, list)) for item in value):
                flat[prefix + key] = LIST_DELIMITER.join(map(_text, value))
        else:
            flat[prefix + key] = _text(value)
    return flat


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
