"""What is wrong with a contract, in one line that a steward can act on.

In: pydantic's errors, or what `check` finds. Out: `ContractError`s that say file, line, key,
the problem and the nearest valid name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from counterflow.contracts.model import Contract, UnknownNameError

Where = tuple[Path, int]
Origins = dict[tuple[str, ...], Where]

# pydantic's words for what a steward calls otherwise
_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "the language knows no such key",
    "dict_type": "must hold keys, one a line",
    "model_type": "must hold keys, one a line",
    "string_type": "must be a word or a text",
    "list_type": "must be a list",
    "int_parsing": "must be a whole number",
}
_NO_CONSENT = ": name the column of consent to research and its words for yes; without it no case may be loaded"
_CURE = {("consent",): _NO_CONSENT, ("consent", "research"): _NO_CONSENT}


class ContractError(Exception):
    """A contract that cannot be used. Says file, line, key, what is wrong and the nearest key."""

    def __init__(self, file: Path, line: int, key: str, problem: str, nearest: str | None = None):
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem
        self.nearest = nearest
        self.others: tuple[ContractError, ...] = ()  # what else is wrong with the same contract
        hint = f" Did you mean `{nearest}`?" if nearest else ""
        super().__init__(f"{file.name}:{line}: {key}: {problem}.{hint}")


class MappedTwiceError(ContractError):
    """Two writings of one code of a field mean different things: the signal `code_mapped_twice`."""

    table_name = ""
    field = ""


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The candidate most like `name`, if one is like it at all."""
    found = difflib.get_close_matches(name, list(candidates), 1, cutoff)
    return found[0] if found else None


def origin(at: tuple[str, ...], origins: Origins, path: Path) -> Where:
    """File and line of the nearest part of `at` that stands in a file."""
    for length in range(len(at), 0, -1):
        if at[:length] in origins:
            return origins[at[:length]]
    return (path, 1)


def translate(error: ValidationError, path: Path, origins: Origins) -> list[ContractError]:
    """Pydantic's errors as `ContractError`s, in the order of the files' lines."""
    found = [_translated(one, path, origins) for one in error.errors(include_url=False)]
    return sorted(found, key=lambda e: (e.file != path, str(e.file), e.line))


def _translated(error: Any, path: Path, origins: Origins) -> ContractError:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, UnknownNameError):
        where = origin(tuple(cause.path.split(".")), origins, path)
        near = nearest(cause.name, cause.candidates)
        return ContractError(*where, cause.path, f"`{cause.name}` is not {cause.what}", near)
    at = _in_file(tuple(str(part) for part in error["loc"]), origins)
    problem = _PLAIN.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    near = None
    if error["type"] == "missing":
        problem += _CURE.get(at, "")
    if error["type"] == "extra_forbidden":
        near = nearest(at[-1], _keys_at(at[:-1]), cutoff=0.4)
    if not at and ": " in problem:  # a check of the whole contract says itself where it looked
        key, _, problem = problem.partition(": ")
        at = tuple(key.split("."))
    key = ".".join(at) or "the contract"
    return ContractError(*origin(at, origins, path), key, problem.rstrip("."), near)


def _in_file(at: tuple[str, ...], origins: Origins) -> tuple[str, ...]:
    """`at` as it stands in the file: pydantic adds places (list items, kinds of union) to it."""
    known: tuple[str, ...] = ()
    for part in at[:-1]:
        if (*known, part) in origins:
            known = (*known, part)
    if at and ((*known, at[-1]) in origins or not at[-1].isdigit()):
        known = (*known, at[-1])
    return tuple(part for part in known if not part.startswith("["))


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
