"""What the agency remembers of a release and hands to nobody: who is behind which row and which count.

In: classes and cells. Out: sealed Parquet under `releases/.inside/<number>/`, and the same read back. The next
release and the withdrawal of a consent need it. A case that is forgotten leaves only numbers: how many left.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from counterflow import disk
from counterflow.release.cells import Cells
from counterflow.release.microdata import Class, Pattern, as_table
from counterflow.sealing import Seal

_CLASS = ("class", "born", "departures", "is_shown")
_COUNT = "rows"


@dataclass(frozen=True, slots=True)
class Inside:
    """The classes and cells of a release; `columns` are those of the microdata."""

    columns: tuple[str, ...]
    classes: tuple[Class, ...]
    cells: Cells
    rows: Counter[Pattern]  # the microdata as it was first handed out; of no case in particular

    @property
    def cases(self) -> set[str]:
        """Every case that is remembered: in a class, or behind a count."""
        behind = set(self.cells.keys["case_key"].to_pylist())
        return behind | {case for one in self.classes for case in one.cases}


def folder(releases: Path, number: str) -> Path:
    """Where the inside of a release lies."""
    return releases / ".inside" / number


def write(inside: Inside, target: Path, seal: Seal) -> None:
    """Write it whole, in place of what is there."""
    aside = target.with_name(f".{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    os.chmod(target.parent, 0o700)
    classes = inside.classes
    columns = {
        "class": pa.array([one.number for one in classes], pa.int32()),
        "born": pa.array([one.born for one in classes], pa.int32()),
        "departures": pa.array([one.departures for one in classes], pa.int32()),
        "is_shown": pa.array([one.is_shown for one in classes], pa.bool_()),
    }
    for place, name in enumerate(inside.columns):
        columns[name] = pa.array([one.pattern[place] for one in classes], pa.string())
    members = sorted((case, one.number) for one in classes for case in one.cases)
    rows = sorted(inside.rows.items())
    counted = as_table(inside.columns, [pattern for pattern, _ in rows])
    counted = counted.append_column(_COUNT, pa.array([n for _, n in rows], pa.int32()))
    for name, table in (
        ("rows", counted),
        ("classes", pa.table(columns)),
        (
            "members",
            pa.table(
                {
                    "case_key": pa.array([case for case, _ in members], pa.string()),
                    "class": pa.array([number for _, number in members], pa.int32()),
                }
            ),
        ),
        ("values", inside.cells.values),
        ("cells", inside.cells.cases),
        ("keys", inside.cells.keys),
    ):
        path = aside / f"{name}.parquet"
        seal.write(table, path)
        os.chmod(path, 0o600)
    disk.settle(aside)
    if target.exists():
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(target, old)
        os.replace(aside, target)
        disk.sync(target.parent)
        shutil.rmtree(old)
    else:
        disk.replace(aside, target)


def put_right(releases: Path) -> None:
    """End a writing that was killed: what is aside is whole once the old one has made way for it."""
    folder = releases / ".inside"
    for old in folder.glob(".*.old"):
        target = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if not target.exists():
            os.replace(target.with_name(f".{target.name}.new"), target)
        shutil.rmtree(old)
    for aside in folder.glob(".*.new"):
        shutil.rmtree(aside)


def read(target: Path, seal: Seal) -> Inside:
    """The inside that lies in `target`."""
    classes = seal.read(target / "classes.parquet")
    columns = tuple(name for name in classes.column_names if name not in _CLASS)
    cases: dict[int, set[str]] = defaultdict(set)
    members = seal.read(target / "members.parquet")
    for case, number in zip(*(members[c].to_pylist() for c in ("case_key", "class")), strict=True):
        cases[number].add(case)
    patterns = zip(*(classes[name].to_pylist() for name in columns), strict=True)
    heads = zip(*(classes[name].to_pylist() for name in _CLASS), strict=True)
    made = [
        Class(number, born, pattern, frozenset(cases[number]), departures, is_shown)
        for (number, born, departures, is_shown), pattern in zip(heads, patterns, strict=True)
    ]
    cells = Cells(*(seal.read(target / f"{name}.parquet") for name in ("values", "cells", "keys")))
    rows = seal.read(target / "rows.parquet")
    then = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    return Inside(
        columns, tuple(made), cells, Counter(dict(zip(then, rows[_COUNT].to_pylist(), strict=True)))
    )


def numbers(releases: Path) -> Sequence[str]:
    """The releases of which something is remembered, oldest first."""
    return sorted(path.name for path in (releases / ".inside").glob("[0-9]*") if path.is_dir())
