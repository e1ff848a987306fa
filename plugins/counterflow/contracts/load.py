"""From the YAML files of a missions folder to `Contract`s, with errors that name file and line.

In: `MDA.yml`, the dialects it extends (`dialects/*.yml`) and the code lists it names
(`codes/*.yml`). Out: a `Contract`, or a `ContractError` with file, line, key and the nearest
valid key. A key set to `~` removes what was inherited. Scalars stay strings: `no` is a word.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from counterflow.contracts.model import Contract, UnknownNameError

Where = tuple[Path, int]
Origins = dict[tuple[str, ...], Where]
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_REMOVE = "~"


class ContractError(Exception):
    """A contract that cannot be used. Says file, line, key, what is wrong and the nearest key."""

    def __init__(self, file: Path, line: int, key: str, problem: str, nearest: str | None = None):
        self.file, self.line, self.key, self.problem, self.nearest = (
            file,
            line,
            key,
            problem,
            nearest,
        )
        hint = f" Did you mean `{nearest}`?" if nearest else ""
        super().__init__(f"{file.name}:{line}: {key}: {problem}.{hint}")


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Every contract of `folder` by mission code, in the order of the codes.

    Raises the first `ContractError`; `check_contracts` collects them all.
    """
    return {path.stem: load_contract(path) for path in contract_files(folder)}


def contract_files(folder: Path) -> list[Path]:
    """The contract files of `folder`, sorted."""
    return sorted(folder.glob("[A-Z][A-Z][A-Z].yml"))


def check_contracts(folder: Path) -> tuple[dict[str, Contract], list[ContractError]]:
    """All contracts that are sound, and the error of each that is not."""
    sound: dict[str, Contract] = {}
    errors: list[ContractError] = []
    for path in contract_files(folder):
        try:
            sound[path.stem] = load_contract(path)
        except ContractError as error:
            errors.append(error)
    return sound, errors


def load_contract(path: Path) -> Contract:
    """The contract in `path`, with its dialects and code lists merged in."""
    data, origins = _inherited(path, ())
    lists = _code_lists(path.parent / "codes")
    _add_code_lists(data, origins, lists)
    try:
        contract = Contract.model_validate(data)
    except ValidationError as error:
        raise _located(error, path, origins) from None
    if contract.mission != path.stem:
        where = _origin(("mission",), origins, path)
        raise ContractError(*where, "mission", f"the file is called {path.name}, so it must be {path.stem}")
    return contract


def _inherited(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Origins]:
    data, origins = _read(path)
    names = data.get("extends", [])
    merged: dict[str, Any] = {}
    merged_origins: Origins = {}
    for name in [names] if isinstance(names, str) else names:
        folder = path.parent if path.parent.name == "dialects" else path.parent / "dialects"
        parent = folder / f"{name}.yml"
        if parent in seen or not parent.exists():
            problem = "extends itself" if parent in seen else f"there is no dialect `{name}`"
            near = difflib.get_close_matches(str(name), [p.stem for p in folder.glob("*.yml")], 1)
            where = _origin(("extends",), origins, path)
            raise ContractError(*where, "extends", problem, near[0] if near else None)
        inherited, inherited_origins = _inherited(parent, (*seen, path))
        merged = _merge(merged, inherited)
        merged_origins |= inherited_origins
    extends = [names] if isinstance(names, str) else list(names)
    result = _merge(merged, data)
    if extends:
        result["extends"] = extends
    return result, merged_origins | origins


def _merge(base: Any, over: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    merged = dict(base)
    for key, value in over.items():
        if value == _REMOVE:
            merged.pop(key, None)
        else:
            merged[key] = _merge(base[key], value) if key in base else value
    return merged


def _read(path: Path) -> tuple[dict[str, Any], Origins]:
    data, origins = _read_cached(path, path.stat().st_mtime_ns)
    return dict(data), dict(origins)


@functools.lru_cache(maxsize=256)
def _read_cached(path: Path, _stamp: int) -> tuple[dict[str, Any], Origins]:
    try:
        node = yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ContractError(path, line, "YAML", str(getattr(error, "problem", "is not YAML"))) from None
    if not isinstance(node, yaml.MappingNode):
        raise ContractError(path, 1, "the file", "must be a mapping of keys")
    origins: Origins = {}
    return _plain(node, (), path, origins), origins


def _plain(node: Any, at: tuple[str, ...], path: Path, origins: Origins) -> Any:
    origins[at] = (path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in mapping:
                raise ContractError(path, line, ".".join((*at, key)), "stands twice")
            mapping[key] = _plain(value_node, (*at, key), path, origins)
            origins[(*at, key)] = (path, line)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*at, str(i)), path, origins) for i, n in enumerate(node.value)]
    return node.value


@functools.lru_cache(maxsize=8)
def _code_lists_cached(folder: Path, _stamps: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    lists: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yml")):
        data, origins = _read(path)
        for name, codes in data.items():
            if name in lists:
                raise ContractError(*_origin((name,), origins, path), name, "stands in two files")
            lists[name] = (codes, path, origins[(name,)][1])
    return lists


def _code_lists(folder: Path) -> dict[str, Any]:
    files = sorted(folder.glob("*.yml"))
    return _code_lists_cached(folder, tuple((f.name, f.stat().st_mtime_ns) for f in files))


def _add_code_lists(data: dict[str, Any], origins: Origins, lists: Mapping[str, Any]) -> None:
    """Bring in the shared code lists that the contract names; its own win."""
    own = data.setdefault("codes", {})
    for name in set(_named_lists(data.get("tables", {}))):
        if name not in own and name in lists:
            codes, path, line = lists[name]
            own[name] = codes
            origins[("codes", name)] = (path, line)
    data["codes"] = own


def _named_lists(value: Any, under: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named_lists(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_lists(inner, under)
    elif under in ("codes", "answers"):
        yield value


def _located(error: ValidationError, path: Path, origins: Origins) -> ContractError:
    first = error.errors(include_url=False)[0]
    at = tuple(str(part) for part in first["loc"])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, UnknownNameError):
        near = difflib.get_close_matches(cause.name, cause.candidates, 1)
        key = cause.path
        where = _origin(tuple(key.split(".")), origins, path)
        problem = f"`{cause.name}` is not {cause.what}"
        return ContractError(*where, key, problem, near[0] if near else None)
    nearest = None
    problem = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(at[-1], _keys_at(at[:-1]), 1, cutoff=0.4)
        nearest = near[0] if near else None
        problem = "the language knows no such key"
    elif first["type"] == "missing":
        problem = "is missing"
    key = ".".join(at) or problem.partition(":")[0]
    if not at and ": " in problem:
        key, _, problem = problem.partition(": ")
        at = tuple(key.split("."))
    return ContractError(*_origin(at, origins, path), key, problem, nearest)


def _origin(at: tuple[str, ...], origins: Origins, path: Path) -> Where:
    """File and line of the nearest part of `at` that stands in a file."""
    for length in range(len(at), 0, -1):
        if at[:length] in origins:
            return origins[at[:length]]
    return (path, 1)


def _keys_at(at: tuple[str, ...]) -> list[str]:
    """The keys that the language knows at a place, for the nearest valid one."""
    models: list[type[BaseModel]] = [Contract]
    for part in at:
        found: list[type[BaseModel]] = []
        for model in models:
            for name, info in model.model_fields.items():
                if part in (name, info.alias):
                    found += _models_in(info.annotation)
        models = found or models
    return [info.alias or name for model in models for name, info in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]
