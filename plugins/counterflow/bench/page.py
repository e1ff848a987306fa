"""docs/benchmarks.md: what was measured in, the page out. Sections that other benches wrote stay as they are.

A section is a heading of two `#` and what stands below it. Whoever measures something writes its own section with
`put`; the sections of this bench are `OWN` and stand first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from counterflow.bench.plot import PICTURE
from counterflow.bench.results import DOCS, Figure, Part
from counterflow.bench.targets import table, targets
from counterflow.bench.world import STEPS

FILE = "benchmarks.md"
PAGE = DOCS / FILE
TITLES = {
    "start": "Start", "queries": "Analysts' queries", "large-queries": "Analysts' queries, 1.6 million cases",
    "throughput": "Throughput", "scale": "Changed nights", "large": "1.6 million cases",
    "large-changed": "Changed nights, 1.6 million cases", "huge": "16 million cases", "huge-changed": "A changed night, 16 million cases", "airflow": "Airflow",
}  # fmt: skip
MADE_BY = {
    "large": "make bench-large",
    "large-changed": "make bench-large",
    "large-queries": "make bench-large",
    "huge": "make bench-large LARGE=--huge",
    "huge-changed": "make bench-large LARGE=--huge",
}
SPENT = "Where the time goes"
OWN = (SPENT, *TITLES.values())
STEP_WORDS = {
    "start": "start", "ingest": "plan and ingest", "validate": "validate", "transform": "transform (dbt)",
    "gates": "gates", "publish": "publish", "pages": "pages", "end": "digest and report",
}  # fmt: skip
_INTRO = """# Benchmarks

Written by `make bench`, `make bench-large` and the benches that the sections name; do not edit. Whole commands are timed, by the wall, on
exports of 72 synthetic missions in mixed dialects (seed 7); making these is part of no figure. Figures are medians; runs of a warm-up do not
count. The column says of how many runs: five of what takes less than a minute where a bench is run as it is, fewer of what takes longer or was
measured with `--repeat`. What is compared ran in turn, within one
run. Memory is that of all processes at once, the sum of their proportional set sizes, at its highest; CPU is seconds of all
processes. `make bench-check` compares the ratios of a new run with these (docs/benchmarks.json), and fails where one grew by more than a quarter.
"""
_GROWTH = """
Sizes beyond 16,000 are the same missions with more cases each: the largest sends a quarter of all. Where a workbook would be longer than
its format or its users can bear (65,000 cases as .xls, 250,000 as .xlsx or .ods), the mission sends the same sheet as CSV, and the contract says so; a contract whose mission
has more than 100,000 cases allows a larger export.
"""


def sections(text: str) -> tuple[str, dict[str, str]]:
    """What stands above the first section, and each section's text by heading, in order."""
    head, *parts = ("\n" + text).split("\n## ")
    split = (part.partition("\n") for part in parts)
    return head[1:], {title.strip(): body.strip("\n") for title, _, body in split}


def joined(head: str, held: Mapping[str, str]) -> str:
    """The page of its sections."""
    return (
        "\n\n".join([head.strip("\n"), *(f"## {title}\n\n{body}" for title, body in held.items())])
        + "\n"
    )


def put(heading: str, body: str, path: Path = PAGE) -> None:
    """Put a section into the page, in its place if it has one, else at the end; nothing else changes."""
    head, held = sections(path.read_text("utf-8"))
    held[heading] = body.strip("\n")
    path.write_text(joined(head, held), "utf-8")


def write(parts: Mapping[str, Part], folder: Path = DOCS) -> str:
    """Write the page anew from what is recorded; its text."""
    path = folder / FILE
    _, held = sections(path.read_text("utf-8")) if path.exists() else ("", {})
    foreign = {title: body for title, body in held.items() if title not in OWN}
    head = "\n".join([_INTRO, *table(targets(parts, foreign))])
    own = {SPENT: _spent(parts)} if any(part.nights for part in parts.values()) else {}
    own |= {TITLES[name]: _section(parts[name]) for name in TITLES if name in parts}
    text = joined(head, own | foreign)
    path.write_text(text, "utf-8")
    return text


def _section(part: Part) -> str:
    lines = [
        f"`{MADE_BY.get(part.name, 'make bench')}`. {part.machine}.",
        "",
        "| what | command | median | deviation | runs | CPU | memory |",
        "|---|---|---|---|---|---|---|",
        *map(_figure, part.figures),
        "",
    ]
    if part.ratios:
        lines += ["| ratio | |", "|---|---|"]
        lines += [f"| {name} | {part.values[name]:.3g} |" for name in part.ratios]
        lines += [""]
    return "\n".join([*lines, *(f"{note}\n" for note in part.notes)]).strip("\n")


def _figure(figure: Figure) -> str:
    cpu = f"{figure.cpu:.1f} s" if figure.cpu else ""
    memory = f"{figure.memory:,.0f} MB" if figure.memory else ""
    seconds = f"{figure.seconds:.2f} s" if figure.seconds < 2 else f"{figure.seconds:.1f} s"
    return (
        f"| {figure.name} | `{figure.command}` | {seconds} | {figure.deviation:.2f} | {figure.runs} "
        f"| {cpu} | {memory} |"
    )


def _spent(parts: Mapping[str, Part]) -> str:
    nights = {name: steps for part in parts.values() for name, steps in part.nights.items()}
    full = {name: nights[name] for name in sorted(_sized(nights), key=int)}
    models = {size: one for part in parts.values() for size, one in part.models.items()}
    lines = [
        f"![Share of each step in a night, by its number of cases]({PICTURE})",
        _GROWTH,
        "Seconds of each step of one night, the middle one of the runs (`counterflow nightly`, one process with two workers):",
        "",
        "| cases | " + " | ".join(STEP_WORDS[step] for step in STEPS) + " | whole |",
        "|---" * (len(STEPS) + 2) + "|",
    ]
    for name, steps in [*full.items(), *((n, s) for n, s in nights.items() if n not in full)]:
        size, _, what = name.partition(", ")
        said = f"{int(size):,}" + (f", {_CHANGED[what]}" if what else "")
        each = " | ".join(f"{steps[step]:.1f}" for step in STEPS)
        lines.append(f"| {said} | {each} | {sum(steps.values()):.1f} |")
    lines += [
        "",
        "dbt's heaviest models of a full night, seconds of the wall, as many at once as threads say:",
        "",
    ]
    lines += ["| cases | models |", "|---|---|"]
    for size in sorted(models, key=int):
        told = ", ".join(f"`{name}` {took:.1f}" for name, took in models[size].items())
        lines.append(f"| {int(size):,} | {told} |")
    return "\n".join(lines)


_CHANGED = {"one mission": "the night after, one mission changed", "everywhere": "the night after, every export has new bytes"}  # fmt: skip


def _sized(nights: Mapping[str, object]) -> list[str]:
    """The full nights among them: their names are a number of cases."""
    return [name for name in nights if name.isdecimal()]
