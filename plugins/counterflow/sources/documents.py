"""From a JSON document to flat records: one dict of dotted names and texts per list entry.

`cases.route` is the list `route` of each entry of `cases`; each record of a nested list carries
its parents' plain values under `^.` (and `^.^.` …), so that it can name its case.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from counterflow.contracts.model import Limits
from counterflow.sources.errors import Refused
from counterflow.sources.extent import too_many_cells
from counterflow.sources.tables import too_many_rows

_ASK = "Ask the mission to export again"
LIST_DELIMITER = "; "
RECORDS = "[records]"
_DEPTH = 20


def parse_json(text: str, decimal: str = ".") -> Any:
    """The document. Raises Refused, which names the line and never the text.

    A number that is no whole one is text, with the decimal mark of the contract.
    """

    def fraction(number: str) -> str:
        return str(float(number)).replace(".", decimal)

    try:
        return json.loads(text, object_pairs_hook=_once, parse_float=fraction)
    except json.JSONDecodeError as error:
        problem = f"the JSON breaks off or is malformed at line {error.lineno}"
        raise Refused("bad_json", problem, _ASK) from None
    except (RecursionError, ValueError):
        raise Refused(
            "bad_json", "the JSON is nested too deeply or holds absurd numbers", _ASK
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two answers to one question neither is known."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("bad_json", "a record names one key twice", _ASK)
    return found


def flatten(
    document: Any, path: str, carried: Collection[str] = (), limits: Limits | None = None
) -> list[dict[str, str]]:
    """The records of the list at `path` (dotted; empty for the document itself).

    `carried`: the names under `^.` that are wanted of the records around each; no others are copied.
    Each record of a nested list holds them again, so their text is bounded as if it were unpacked.
    """
    limits = limits or Limits()
    parts = [part for part in path.split(".") if part]
    found: list[dict[str, str]] = []
    copied = 0
    for record in _records(document, parts, {}, _Carried(carried)):
        found.append(record)
        copied += sum(len(text) for name, text in record.items() if name.startswith("^."))
        if len(found) > limits.rows:
            raise too_many_rows(limits)
        if copied > limits.unpacked:
            raise too_many_cells()
    return found


class _Carried(dict[str, bool]):
    """Whether a name under `^.` is wanted, or the name that it will be further in; each is looked at once."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def __missing__(self, name: str) -> bool:
        self[name] = any(wanted.endswith(name) for wanted in self._names)
        return self[name]


def _records(
    value: Any, path: list[str], parent: dict[str, str], carried: _Carried
) -> Iterator[dict[str, str]]:
    if isinstance(value, list):
        for entry in value:
            if not isinstance(entry, dict):
                raise Refused("bad_json", "a list of records holds something else", _ASK)
            if path:
                around = {**_plain(entry), **parent}
                wanted = {up: v for key, v in around.items() if carried[up := f"^.{key}"]}
                yield from _records(entry.get(path[0], []), path[1:], wanted, carried)
            else:
                yield {**_plain(entry), **parent}
    elif isinstance(value, dict) and path:
        if path[0] not in value:
            raise Refused("missing_list", "the document lacks a list that the contract names", _ASK)
        yield from _records(value[path[0]], path[1:], parent, carried)
    elif value is not None:
        raise Refused("bad_json", "the document has no list where the contract says", _ASK)


def _plain(entry: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """The plain values of a record by dotted name; lists of plain values are joined."""
    if depth > _DEPTH:
        raise Refused("bad_json", f"a record is nested more than {_DEPTH} deep", _ASK)
    flat: dict[str, str] = {}
    count = 0
    for key, value in entry.items():
        name = prefix + _text(key)
        if isinstance(value, dict):
            inside = _plain(value, f"{name}.", depth + 1)
            flat |= inside
            count += len(inside)
            continue
        if isinstance(value, list):
            nested = [isinstance(item, dict | list) for item in value]
            if any(nested) and not all(nested):
                raise Refused("bad_json", "a list holds both plain values and records", _ASK)
            # a list of records is a table, or unknown: then its presence is signalled, not its content
            flat[name] = RECORDS if any(nested) else LIST_DELIMITER.join(map(_text, value))
        else:
            flat[name] = _text(value)
        count += 1
    if len(flat) != count:
        raise Refused("bad_json", "two values of a record have one dotted name", _ASK)
    return flat


def _text(value: Any) -> str:
    if type(value) is str and value.isascii():
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text
