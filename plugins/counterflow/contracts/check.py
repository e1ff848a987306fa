"""What the schema cannot see: do contracts agree with the standard, themselves, each other.

In: the missions folder and dbt's seeds, which hold the standard's code lists. Out: a `Report` of
errors (the contract must not be used) and warnings (look at it), each with file and line. What a
dialect gets wrong is said once, not for each mission that extends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from counterflow.contracts import coherence, personal, vocabulary
from counterflow.contracts.errors import ContractError, origin
from counterflow.contracts.load import Loaded, contract_files, load
from counterflow.contracts.model import Contract
from counterflow.contracts.read import read
from counterflow.contracts.vocabulary import Standard
from counterflow.settings import PROJECT

Check = Callable[[Loaded], Iterable[ContractError]]


@dataclass(slots=True)
class Report:
    """What a look at all contracts found."""

    errors: list[ContractError] = field(default_factory=list)
    warnings: list[ContractError] = field(default_factory=list)
    contracts: dict[str, Contract] = field(default_factory=dict)

    def as_rows(self) -> list[dict[str, object]]:
        """One row a finding, for `--json`."""
        return [
            {
                "severity": severity,
                "file": str(found.file),
                "line": found.line,
                "key": found.key,
                "problem": found.problem,
                "nearest": found.nearest,
            }
            for severity, listed in (("error", self.errors), ("warning", self.warnings))
            for found in listed
        ]


def check_folder(folder: Path, seeds: Path | None = None) -> Report:
    """Every contract of `folder`, loaded and checked against the standard's lists in `seeds`."""
    standard = Standard.read(seeds or PROJECT / "dbt_project" / "seeds")
    report = Report()
    errors: dict[str, ContractError] = {}
    warnings: dict[str, ContractError] = {}
    used = _Used()
    for path in contract_files(folder):
        try:
            loaded = load(path)
        except ContractError as error:
            errors |= {str(e): e for e in (error, *error.others)}
            continue
        found = {str(e): e for e in _errors(loaded, standard)}
        errors |= found
        warnings |= {str(e): e for e in (*coherence.warnings(loaded), *personal.warnings(loaded))}
        used.add(loaded)
        if not found:
            report.contracts[path.stem] = loaded.contract
    if not errors:  # a contract that was not read may use what seems unused
        warnings |= {str(e): e for e in used.warnings(folder)}
    if not contract_files(folder):
        none = ContractError(folder, 1, "missions", "there is no contract in this folder")
        errors[str(none)] = none
    report.errors = _in_order(errors.values())
    report.warnings = _in_order(warnings.values())
    return report


def render(report: Report) -> RenderableType:
    """The report for a terminal: each finding on its line, and one sentence for all."""
    grid = Grid.grid(padding=(0, 1))
    for style, listed in (("red", report.errors), ("yellow", report.warnings)):
        word = "error" if style == "red" else "warning"
        for found in listed:
            grid.add_row(Text(word, style=style), Text(str(found)))
    sentence = (
        f"{_count(len(report.contracts), 'contract')} can be used, "
        f"{_count(len(report.errors), 'error')}, {_count(len(report.warnings), 'warning')}."
    )
    style = "red" if report.errors else "green"
    return Group(grid, Text(sentence, style=style)) if grid.row_count else Text(sentence, style)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _errors(loaded: Loaded, standard: Standard) -> Iterator[ContractError]:
    yield from vocabulary.errors(loaded, standard)
    yield from coherence.errors(loaded)


def _in_order(found: Iterable[ContractError]) -> list[ContractError]:
    return sorted(found, key=lambda e: (str(e.file), e.line, e.key))


class _Used:
    """Which dialects and code lists some contract uses; what is left over is named."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        self.lists: set[tuple[Path, int]] = set()

    def add(self, loaded: Loaded) -> None:
        """Count what `loaded` uses."""
        self.files |= loaded.files
        for name in loaded.named_lists:
            at = ("codes", name)
            # a name for a shared list uses both the name and the list
            self.lists |= {loaded.place(at), origin(at, loaded.origins, loaded.path)}

    def warnings(self, folder: Path) -> Iterator[ContractError]:
        """Dialects that no contract extends, code lists that none names."""
        for path in sorted((folder / "dialects").glob("*.yml")):
            if path not in self.files:
                yield ContractError(path, 1, path.stem, "no contract extends this dialect")
        for path in sorted(folder.rglob("*.yml")):
            data, origins = read(path)
            prefix: tuple[str, ...] = () if path.parent.name == "codes" else ("codes",)
            lists = data if path.parent.name == "codes" else data.get("codes", {})
            for name in lists:
                at = (*prefix, name)
                if origins[at] not in self.lists:
                    yield ContractError(*origins[at], ".".join(at), "no contract uses this list")
