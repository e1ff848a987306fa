"""From the YAML files of a missions folder to `Contract`s, with errors that name file and line.

In: `MDA.yml`, the dialects it extends (`dialects/*.yml`) and the code lists it names
(`codes/*.yml`). Out: a `Contract`, or a `ContractError` with file, line, key and the nearest
valid key. A key set to `~` removes what was inherited. Scalars stay strings: `no` is a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from counterflow.contracts import personal
from counterflow.contracts.errors import (
    ContractError,
    MappedTwiceError,
    Origins,
    nearest,
    origin,
    translate,
)
from counterflow.contracts.model import Contract
from counterflow.contracts.read import SharedList, read, shared_lists
from counterflow.contracts.twice import Twice, mapped_twice

_REMOVE = "~"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A contract together with the places in the files where its parts stand."""

    contract: Contract
    path: Path
    origins: Origins
    shared: dict[str, SharedList]  # the code lists of `codes/`, by the contract's name for them
    named_lists: frozenset[str]  # the code lists that its tables name
    files: frozenset[Path]  # the contract and every dialect it extends

    def error(self, at: tuple[str, ...], problem: str, near: str | None = None) -> ContractError:
        """`problem` as an error at the nearest part of `at` that stands in a file."""
        file, line = self.place(at)
        return ContractError(file, line, ".".join(at), problem, near)

    def place(self, at: tuple[str, ...]) -> tuple[Path, int]:
        """File and line of the nearest part of `at` that stands in a file."""
        if len(at) > 1 and at[0] == "codes" and at[1] in self.shared:
            found = self.shared[at[1]]
            return origin((found.name, *at[2:]), found.origins, found.path)
        return origin(at, self.origins, self.path)


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Every contract of `folder` by mission code, in the order of the codes.

    Raises the first `ContractError`; `check_contracts` collects them all.
    """
    return {path.stem: load_contract(path) for path in contract_files(folder)}


def contract_files(folder: Path) -> list[Path]:
    """The contract files of `folder`, sorted."""
    return sorted(folder.glob("[A-Z][A-Z][A-Z].yml"))


def check_contracts(folder: Path) -> tuple[dict[str, Contract], list[ContractError]]:
    """All contracts that can be used, and the errors of those that cannot."""
    sound: dict[str, Contract] = {}
    errors: list[ContractError] = []
    for path in contract_files(folder):
        try:
            sound[path.stem] = load_contract(path)
        except ContractError as error:
            errors += [error, *error.others]
    return sound, errors


def load_contract(path: Path) -> Contract:
    """The contract in `path`, with its dialects and code lists merged in."""
    return load(path).contract


def load(path: Path) -> Loaded:
    """The contract in `path`, and where each part of it stands."""
    data, origins, files = _inherited(path, ())
    named = frozenset(_named_lists(data.get("tables", {})))
    shared = _shared(data, named, origins, path)
    if shared:
        own = data.get("codes", {})
        data = {**data, "codes": own | {name: found.codes for name, found in shared.items()}}
    try:
        contract = Contract.model_validate(data)
    except ValidationError as error:
        first, *others = translate(error, path, origins)
        first.others = tuple(others)
        raise first from None
    if contract.mission != path.stem:
        where = origin(("mission",), origins, path)
        problem = f"the file is called {path.name}, so it must be {path.stem}"
        raise ContractError(*where, "mission", problem)
    loaded = Loaded(contract, path, origins, shared, named, files)
    if twice := [_mapped_twice(loaded, found) for found in mapped_twice(contract)]:
        twice[0].others = tuple(twice[1:])
        raise twice[0]
    if taken := list(personal.errors(loaded)):
        taken[0].others = tuple(taken[1:])
        raise taken[0]
    return loaded


def _mapped_twice(loaded: Loaded, found: Twice) -> MappedTwiceError:
    error = MappedTwiceError(*loaded.place(found.at), ".".join(found.at), found.problem)
    error.table_name, error.field = found.table_name, found.field
    return error


def _inherited(
    path: Path, seen: tuple[Path, ...]
) -> tuple[dict[str, Any], Origins, frozenset[Path]]:
    """The data of `path` over that of its dialects, the places, and the files it came from."""
    data, origins = read(path)
    extends = data.get("extends", [])
    names = [extends] if isinstance(extends, str) else extends
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        problem = "names a dialect, or a list of them"
        raise ContractError(*origin(("extends",), origins, path), "extends", problem)
    merged: dict[str, Any] = {}
    merged_origins: Origins = {}
    files = frozenset([path])
    folder = path.parent if path.parent.name == "dialects" else path.parent / "dialects"
    for name in names:
        parent = folder / f"{name}.yml"
        if parent in (path, *seen) or not parent.exists():
            problem = "extends itself" if parent.exists() else f"there is no dialect `{name}`"
            near = nearest(name, [p.stem for p in folder.glob("*.yml") if p != parent])
            where = origin(("extends",), origins, path)
            raise ContractError(*where, "extends", problem, near)
        inherited, inherited_origins, inherited_files = _inherited(parent, (*seen, path))
        merged = merge(merged, inherited)
        merged_origins |= inherited_origins
        files |= inherited_files
    result = merge(merged, data)
    if names:
        result["extends"] = names
    return result, merged_origins | origins, files


def merge(base: Any, over: Any) -> Any:
    """`over` laid upon `base`: mappings key by key, everything else replaced, `~` removed."""
    if not isinstance(over, dict):
        return over
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in over.items():
        if value == _REMOVE:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _shared(
    data: dict[str, Any], named: frozenset[str], origins: Origins, path: Path
) -> dict[str, SharedList]:
    """The lists of `codes/` that the contract uses, by the name it has for each.

    A list of its own wins over the shared one of its name; its own may also be another name for
    a shared one (`countries: countries_ro`), so that a dialect can leave the choice to another.
    """
    lists = shared_lists(path.parent / "codes")
    own = data.get("codes", {})
    if not isinstance(own, dict):
        return {}
    found = {name: lists[name] for name in sorted(named - set(own)) if name in lists}
    for name, codes in own.items():
        if isinstance(codes, str):
            if codes not in lists:
                where = origin(("codes", name), origins, path)
                problem = f"`{codes}` is not a list of the folder `codes`"
                raise ContractError(*where, f"codes.{name}", problem, nearest(codes, lists))
            found[name] = lists[codes]
    return found


def _named_lists(value: Any, under: str = "") -> list[str]:
    """The names of code lists that `tables` uses, at whatever depth."""
    if isinstance(value, dict):
        return [name for key, inner in value.items() for name in _named_lists(inner, key)]
    if isinstance(value, list):
        return [name for inner in value for name in _named_lists(inner, under)]
    return [value] if under in ("codes", "answers") else []
