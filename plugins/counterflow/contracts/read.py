"""YAML files as plain dicts, lists and strings, with the line of every key.

In: a path. Out: the data, all scalars strings, and its origins: path of keys → file and line.
Read once: dialects and code lists are shared by many contracts. Callers must not change what
they get; merging copies.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from counterflow.contracts.errors import ContractError, Origins, origin

# C or Python, the base loader leaves every scalar a string: `no`, `01` and `2010-11` are words.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class SharedList:
    """A code list of `codes/`, and where its codes stand."""

    name: str
    codes: Any
    path: Path
    origins: Origins


Stamp = tuple[tuple[Path, int, int], ...]


def stamp(path: Path) -> Stamp:
    """What changes when a contract, a dialect or a shared code list does: times and sizes."""
    parts = (path.parent / part for part in ("dialects", "codes"))
    files = [path, *sorted(file for part in parts for file in part.glob("*.yml"))]
    return tuple((f, *_stamp(f)) for f in files)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def read(path: Path) -> tuple[dict[str, Any], Origins]:
    """The data of a YAML file, which must be a mapping, and its origins."""
    return _read(path, _stamp(path))


def shared_lists(folder: Path) -> dict[str, SharedList]:
    """Every code list that stands in the files of `folder`, by name."""
    return _shared_lists(tuple((f, *_stamp(f)) for f in sorted(folder.glob("*.yml"))))


@functools.lru_cache(maxsize=512)
def _read(path: Path, _written: tuple[int, int]) -> tuple[dict[str, Any], Origins]:
    try:
        node = yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = str(getattr(error, "problem", None) or "is not YAML")
        raise ContractError(path, line, "YAML", problem) from None
    except UnicodeDecodeError:
        raise ContractError(path, 1, "the file", "is not UTF-8") from None
    if not isinstance(node, yaml.MappingNode):
        raise ContractError(path, 1, "the file", "must be a mapping of keys")
    origins: Origins = {}
    data = _plain(node, (), path, origins)
    return data, origins


def _plain(node: Any, at: tuple[str, ...], path: Path, origins: Origins) -> Any:
    origins[at] = (path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ContractError(path, line, ".".join(at), "a key is a single word or text")
            key = str(key_node.value)
            if key in mapping:
                raise ContractError(path, line, ".".join((*at, key)), "stands twice")
            mapping[key] = _plain(value_node, (*at, key), path, origins)
            origins[(*at, key)] = (path, line)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*at, str(i)), path, origins) for i, n in enumerate(node.value)]
    return node.value


@functools.lru_cache(maxsize=8)
def _shared_lists(files: Stamp) -> dict[str, SharedList]:
    lists: dict[str, SharedList] = {}
    for path, *_ in files:
        data, origins = read(path)
        for name, codes in data.items():
            if name in lists:
                problem = f"stands in {lists[name].path.name} too"
                raise ContractError(*origin((name,), origins, path), name, problem)
            lists[name] = SharedList(name, codes, path, origins)
    return lists
