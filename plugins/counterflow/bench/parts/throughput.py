"""Target 2: from files to a published warehouse, beside dlt that merely loads, and DuckDB that merely reads and writes.

A night reads 72 exports of mixed dialects; its peers read the same cases as one wide CSV a mission. Whole commands
are timed, the start of their interpreters included; a night until its warehouse is published, and with its pages.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from counterflow.bench.measuring import Run, Series, alternate, command, say
from counterflow.bench.options import Options
from counterflow.bench.peers import environment, wide
from counterflow.bench.results import Figure, Part
from counterflow.bench.world import Night, World

PEERS = Path(wide.__file__).parent
PUBLISHED = "A night, until it is published"
WHOLE = "The same, with pages and digest"
DLT = "dlt, `read_csv`: load only"
DLT_ARROW = "dlt, `read_csv_duckdb` as Arrow: load only"
LIMIT = "DuckDB: `read_csv`, write Parquet"


def measure(options: Options) -> Part:
    """A night and its peers in turn."""
    world = options.world(1)
    csv = files(world)
    peer = environment.python("dlt")
    nights: list[Night] = []

    def night() -> Run:
        world.empty()
        nights.append(world.night())
        return nights[-1].run

    works: dict[str, Callable[[], Run]] = {
        WHOLE: night,
        DLT: lambda: _peer([str(peer), str(PEERS / "load_dlt.py")], csv, world, "read_csv"),
        DLT_ARROW: lambda: _peer(
            [str(peer), str(PEERS / "load_dlt.py")], csv, world, "read_csv_duckdb"
        ),
        LIMIT: lambda: _peer([sys.executable, str(PEERS / "limit.py")], csv, world),
    }
    # What is slow needs no warm-up of its own: the quick ones of the first round are one.
    warm = {LIMIT: works[LIMIT], DLT_ARROW: works[DLT_ARROW]}
    alternate(warm, 1, warm_up=0)
    say("the first round, which says how many there can be")
    runs = alternate(works, 1, warm_up=0)
    more = options.times(max(found[0].seconds for found in runs.values())) - 1
    for name, found in alternate(works, more, warm_up=0).items():
        runs[name] += found
    published = Series(
        PUBLISHED,
        "counterflow nightly",
        [Run(n.published, n.run.cpu, n.run.memory) for n in nights],
    )
    told = {
        WHOLE: "counterflow nightly",
        DLT: "peers/load_dlt.py",
        DLT_ARROW: "peers/load_dlt.py",
        LIMIT: "peers/limit.py",
    }
    series = {name: Series(name, told[name], runs[name]) for name in works}
    slow, limit = series[DLT].seconds, series[LIMIT].seconds
    return Part(
        "throughput",
        [Figure.of(published), *map(Figure.of, series.values())],
        {
            "night ÷ dlt": published.seconds / slow,
            "night ÷ DuckDB": published.seconds / limit,
            "night with pages ÷ dlt": series[WHOLE].seconds / slow,
            "night ÷ dlt, Arrow": published.seconds / series[DLT_ARROW].seconds,
        },
        ["night ÷ dlt", "night ÷ DuckDB"],
        [
            f"{world.cases:,} cases. The peers' files are one CSV a mission with the {_width(csv)} columns of the standard's template "
            f"({_size(csv):.0f} MB); the exports of a night hold the same cases in their missions' dialects, those of relational systems in up to "
            f"eight tables ({_size(world.exports):.0f} MB as delivered). DuckDB reads every column as text, its fastest way."
        ],
    )


def files(world: World) -> Path:
    """The wide CSV files of a world, made once."""
    folder, mark = world.root / "csv", world.root / "csv" / ".made"
    if not mark.exists():
        say("writing the peers' CSV files")
        wide.files(folder, world.jobs())
        mark.touch()
    return folder


def _peer(program: list[str], csv: Path, world: World, *options: str) -> Run:
    work = world.root / "peer"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    done = command([*program, str(csv), str(work), *options], environment.environment())
    shutil.rmtree(work)
    if int(done.stdout.split()[-1]) < world.cases:
        raise RuntimeError(f"{program[-1]} loaded {done.stdout.strip()} rows of {world.cases}")
    return done.run


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _width(csv: Path) -> int:
    with next(csv.glob("*.csv")).open(encoding="utf-8") as file:
        return len(file.readline().split(","))
