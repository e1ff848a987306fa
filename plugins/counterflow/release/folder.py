"""The folder of a release: every file written from the same facts, and read back for the checks.

In: an `About`, the microdata and the tables. Out: a folder that is whole, and `Material`: what its files say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from counterflow.release import about as abouts
from counterflow.release import croissant, describe, formats, report
from counterflow.release.about import About
from counterflow.release.describe import MICRODATA


@dataclass(frozen=True, slots=True)
class Material:
    """What the files of a release hold: each table by format. Formats that differ are for a gate to say."""

    folder: Path
    about: About
    tables: Mapping[str, Mapping[str, pa.Table]]  # table → format → content

    @property
    def microdata(self) -> pa.Table:
        """As CSV holds it."""
        return self.tables[MICRODATA]["csv"]

    def table(self, name: str) -> pa.Table:
        """As CSV holds it."""
        return self.tables[name]["csv"]


def write(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """Write all files of a release to `folder`, which is empty; `tables` begins with the microdata."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        labels = {c: about.describe(c).title for c in table.column_names if c != formats.COUNT}
        formats.write(table, folder / "data", name, labels, about.night)
    (folder / "codes.csv").write_text(
        formats.csv_text(abouts.codes_table(about.codes)), "utf-8", newline=""
    )
    describe.write_hxl(folder, about, tables)
    describe.write_codebook(folder, about, tables)
    report.write_readme(folder, about, tables)
    report.write_report(folder, about, tables)
    describe.write_package(folder, about, tables)
    croissant.write(folder, about, tables)
    describe.write_sums(folder)


def expected(about: About) -> set[str]:
    """The files that a release has, and no other."""
    names = [MICRODATA, *about.policy.tables]
    data = {f"data/{name}.{kind}" for name in names for kind in formats.FORMATS}
    hxl = {f"hxl/{name}.csv" for name in names}
    return (
        data
        | hxl
        | {"README.md", "report.html", "ddi.xml", "codes.csv"}
        | {abouts.PACKAGE, croissant.FILE, describe.SUMS}
    )


def read(folder: Path) -> Material:
    """All that the files in `folder` hold. Raises ValueError if it is no release."""
    about = abouts.read(folder)
    tables: dict[str, dict[str, pa.Table]] = {}
    for name in (MICRODATA, *about.policy.tables):
        tables[name] = {}
        for kind in formats.FORMATS:
            try:
                tables[name][kind] = formats.read(folder / "data", name, kind)
            except (OSError, ValueError, KeyError, IndexError, pa.ArrowException) as error:
                raise ValueError(
                    f"data/{name}.{kind} cannot be read ({type(error).__name__})"
                ) from None
    return Material(folder, about, tables)
