"""What was promised, beside what was measured: parts and the page in, rows of a table out.

What another bench measures is read from its section of the page. A target that nobody has measured says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from counterflow.bench.results import Part

DISCLOSURE, VALIDATION = "Disclosure control", "Validation"
_SIZES = (16_000, 160_000, 1_600_000)


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: its number, what, the figure, the most it may be (the least, if `least`), how it is written."""

    number: int
    what: str
    figure: float | None
    limit: float
    unit: str = "{:.2f}"
    least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether it is met; None if it was not measured."""
        if self.figure is None:
            return None
        return self.figure >= self.limit if self.least else self.figure <= self.limit

    def row(self) -> str:
        """A row of the page's table."""
        figure = "not measured" if self.figure is None else self.unit.format(self.figure)
        verdict = {True: "pass", False: "**falls short**", None: ""}[self.holds]
        sign = "≥" if self.least else "≤"
        return f"| {self.number} | {self.what} | {figure} | {sign} {self.unit.format(self.limit)} | {verdict} |"


def targets(parts: Mapping[str, Part], sections: Mapping[str, str]) -> list[Target]:
    """Every target of issue 7, in its order."""

    def value(part: str, name: str) -> float | None:
        return parts[part].values.get(name) if part in parts else None

    found = [
        Target(1, "Night of 72 changed missions: through Airflow ÷ in one process", value("airflow", "airflow ÷ one process"), 1.5),
        Target(1, "Unchanged night through Airflow", value("airflow", "unchanged, airflow"), 25, "{:.1f} s"),
        Target(1, "Unchanged night in one process", value("airflow", "unchanged, one process"), 25, "{:.1f} s"),
        Target(1, "Parsing all DAG files", value("airflow", "parse"), 0.5, "{:.2f} s"),
        Target(2, "160,000 cases, files to published warehouse ÷ dlt merely loading them", value("throughput", "night ÷ dlt"), 0.5),
        Target(2, "The same ÷ DuckDB reading CSV and writing Parquet", value("throughput", "night ÷ DuckDB"), 8, "{:.1f}"),
        Target(3, "1.6 million cases", value("large", "seconds"), 300, "{:.0f} s"),
        Target(3, "1.6 million cases, memory of all processes", value("large", "memory"), 4096, "{:,.0f} MB"),
        Target(3, "Growth from 160,000 to 1.6 million cases", value("large", "growth"), 11, "{:.1f} ×"),
        Target(3, "16 million cases, memory of all processes", value("huge", "memory"), 8192, "{:,.0f} MB"),
    ]  # fmt: skip
    for size in _SIZES:
        part = "large-changed" if size == _SIZES[-1] else "scale"
        for short, said in (("one mission", "of one mission"), ("everywhere", "in all missions")):
            figure = value(part, f"{size}: {short} ÷ full")
            found.append(Target(3, f"{size:,} cases: night in which 1 % of the cases changed, {said} ÷ full night", figure, 0.15))  # fmt: skip
    found.append(
        Target(
            3, "16,000,000 cases: night in which 1 % of the cases changed, of one mission ÷ full night",
            value("huge-changed", "16000000: one mission ÷ full"), 0.15,
        )
    )  # fmt: skip
    found += _validation(sections.get(VALIDATION, ""))
    found += _disclosure(sections.get(DISCLOSURE, ""))
    return [
        *found,
        Target(6, "Analysts' queries beside a night, p95, 16,000 cases", _ms(value("queries", "kept p95")), 100, "{:.0f} ms"),
        Target(6, "The same with a connection for each query", _ms(value("queries", "cold p95")), 100, "{:.0f} ms"),
        Target(6, "Analysts' queries beside a night, p95, 1.6 million cases", _ms(value("large-queries", "kept p95")), 1000, "{:.0f} ms"),
        Target(6, "The same with a connection for each query", _ms(value("large-queries", "cold p95")), 1000, "{:.0f} ms"),
        Target(7, "`counterflow --help`", value("start", "help"), 0.3, "{:.2f} s"),
        Target(7, "`counterflow status`", value("start", "status"), 1, "{:.2f} s"),
    ]  # fmt: skip


def table(found: list[Target]) -> list[str]:
    """The targets as lines of a table."""
    return [
        "| | target | figure | promised | |",
        "|---|---|---|---|---|",
        *(t.row() for t in found),
    ]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


# ARX's local recoding and, beside it in the same run, a cover of the lattice of masks: suppressed cells in %, and ARX's
# seconds. They were measured on a set of this shape that is not at hand (docs/benchmarks.md), where ARX cannot be had.
_ARX = ((16_000, 39.1, 37.7, 16.3), (160_000, 28.4, 26.7, 84.6))


def _disclosure(section: str) -> Iterator[Target]:
    """What `make bench-disclosure` wrote of its method `lattice`.

    Suppressed cells of two sets cannot be compared, so both are taken by what the plain cover suppresses on the same set:
    `lattice, effort 0` is that cover here.
    """
    rows = {(row[0], row[1]): row for row in _rows(section) if len(row) >= 10}
    for size, arx, cover, seconds in _ARX:
        ours, plain = (rows.get((f"{size:,}", f"lattice{e}"), []) for e in ("", ", effort 0"))
        cells, least = _number(ours, 2), _number(plain, 2)
        share = None if cells is None or not least else cells / least
        what = (
            f"{size:,} rows at k = 11: suppressed cells ÷ those of the plain cover, ARX's beside it"
        )
        yield Target(5, what, share, arx / cover, "{:.3f}")
        yield Target(5, f"{size:,} rows at k = 11: seconds, ARX's beside it", _number(ours, 7), seconds, "{:.1f} s")  # fmt: skip
    row = rows.get(("1,600,000", "lattice"), [])
    yield Target(5, "1.6 million rows at k = 11", _number(row, 7), 60, "{:.1f} s")
    yield Target(5, "1.6 million rows at k = 11, memory", _number(row, 9), 2048, "{:,.0f} MB")


def _validation(section: str) -> Iterator[Target]:
    """What `make bench-validation` wrote: its lines of the target, with the figure in bold."""
    what = "GX's plain COMPLETE ÷ our form of validation"
    line = r"Target, ([\d,]+) cases: plain COMPLETE ÷ ours ≥ [\d.]+: \*\*([\d.]+),"
    found = re.findall(line, section)
    for cases, figure in found:
        yield Target(4, f"{what}, {cases} cases", float(figure), 8, "{:.1f} ×", least=True)
    if not found:
        yield Target(4, what, None, 8, "{:.1f} ×", least=True)


def _rows(section: str) -> Iterator[list[str]]:
    for line in section.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _number(row: list[str], at: int) -> float | None:
    found = re.match(r"[\d,.]+", row[at]) if len(row) > at else None
    return float(found[0].replace(",", "")) if found else None
