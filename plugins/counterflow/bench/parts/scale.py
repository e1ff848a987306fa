"""Target 3: how a night grows with its cases, and what one costs on which a hundredth of them changed.

`measure` is of the small and the middle size; `large` and `large_changed` of 1.6 million cases, and `huge` and `huge_changed` of 16 million, once.
Each night begins with an empty home, or with a copy of the home as the first night left it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

from counterflow.bench import changes
from counterflow.bench.measuring import Series, say
from counterflow.bench.options import Options
from counterflow.bench.results import Figure, Part, load
from counterflow.bench.world import SECOND, STEPS, Night, World
from counterflow.shell import connect
from counterflow.warehouse.manifest import MANIFEST, read_manifest

# What sorts and joins of hundreds of millions of rows need: one model at a time has all the memory.
ROOM = {
    "COUNTERFLOW_DUCKDB_MEMORY": "5GB",
    "COUNTERFLOW_DBT_THREADS": "1",
    "COUNTERFLOW_DUCKDB_THREADS": str(os.cpu_count() or 1),
}
AFTER = "after-first"  # the home as a first night left it


def measure(options: Options) -> Part:
    """Full and changed nights of the two smaller sizes."""
    part = Part("scale")
    for size in (0, 1):
        _size(options, options.world(size), part)
    return part


def large(options: Options) -> Part:
    """A full night of the large size, and how it grew from the middle one, in one run."""
    middle, world = options.world(1), options.world(2)
    part = Part("large")
    before = _size(options, middle, Part("aside"), changed=False)
    full = _size(options, world, part, changed=False)
    part.figures.insert(0, _figure(middle, "a night", before))
    part.values["growth"] = full.seconds / before.seconds
    part.values["seconds"] = full.seconds
    part.values["memory"] = full.memory
    return part


def large_changed(options: Options) -> Part:
    """Full and changed nights of the large size."""
    part = Part("large-changed")
    _size(options, options.world(2), part)
    return part


def huge(options: Options) -> Part:
    """One first night of the huge size, with `ROOM` where nothing else is said."""
    world = options.world(3)
    world.empty()
    part = Part("huge")
    said = ", ".join(f"{name}={value}" for name, value in _room().items())
    part.notes.append(f"{world.cases:,} cases: with {said}.")
    found = world.night()
    _note(part, world)
    part.nights[str(world.cases)] = _steps([found])
    whole = Series("", "", [found.run])
    part.figures.append(_figure(world, "a night", whole))
    part.values = {"seconds": whole.seconds, "memory": whole.memory}
    return part


def huge_changed(options: Options) -> Part:
    """The night after the last one in the home that `huge` left, on which a mission changed; ÷ the full night recorded of `huge`.

    The home is not kept as it was, for a copy would want as much disk again: the next call is of the night after.
    """
    world, full = options.world(3), load(options.docs)["huge"].values["seconds"]
    _room()
    last = read_manifest(world.home / "warehouse" / MANIFEST)
    if last is None:
        raise RuntimeError("there is no night to go on from: `--only huge` makes one")
    night, exports = last.night + timedelta(days=1), world.root / "second-one"
    what = f"one mission changed ({changes.one_mission(world, exports, night)})"
    part = Part("huge-changed")
    found = world.night(night, exports=exports)
    part.notes.append(_share(world, what, night))
    _recorded(world, part, "one mission", what, [found], full)
    shutil.rmtree(exports)
    return part


def _room() -> dict[str, str]:
    """Set what nights of the huge size need, where nobody said otherwise."""
    room = {name: os.environ.get(name, value) for name, value in ROOM.items()}
    os.environ |= room
    return room


def _size(options: Options, world: World, part: Part, changed: bool = True) -> Series:
    """Rounds of a full night and, after it, each of the changed ones, from the same state; the full nights."""
    kinds = _second_nights(world) if changed else {}
    nights: dict[str, list[Night]] = {name: [] for name in ("full", *kinds)}
    while not nights["full"] or len(nights["full"]) < options.times(nights["full"][0].run.seconds):
        world.empty()
        nights["full"].append(world.night())
        _say(world, "a night", nights["full"][-1])
        if len(nights["full"]) == 1:
            _note(part, world)
        if not kinds:
            continue
        world.keep(AFTER)
        for name, (what, exports) in list(kinds.items()):
            world.back(AFTER)
            try:
                nights[name].append(world.night(SECOND, exports=exports))
            except (RuntimeError, subprocess.CalledProcessError) as error:
                # The full nights, which took longest, are figures all the same.
                say(f"{world.cases:,} cases, {what}: failed: {error}")
                part.notes.append(f"{world.cases:,} cases, {what}: the night failed.")
                shutil.rmtree(exports)
                del kinds[name]
                continue
            _say(world, what, nights[name][-1])
            if len(nights[name]) == 1:
                part.notes.append(_share(world, what, SECOND))
    full = Series("", "", [night.run for night in nights["full"]])
    part.nights[str(world.cases)] = _steps(nights["full"])
    part.figures.append(_figure(world, "a night", full))
    for name, (what, exports) in kinds.items():
        _recorded(world, part, name, what, nights[name], full.seconds)
        shutil.rmtree(exports)
    shutil.rmtree(world.root / AFTER, ignore_errors=True)
    return full


def _recorded(
    world: World, part: Part, name: str, what: str, nights: list[Night], full: float
) -> None:
    """Second nights of one kind, and their ratio to the seconds of full ones."""
    found = Series("", "", [night.run for night in nights])
    part.figures.append(_figure(world, f"the night after, {what}", found))
    ratio = f"{world.cases}: {name} ÷ full"
    part.values[ratio] = found.seconds / full
    part.ratios.append(ratio)
    part.nights[f"{world.cases}, {name}"] = _steps(nights)


def _second_nights(world: World) -> dict[str, tuple[str, Path]]:
    """Name → what changed in words, and the exports."""
    one, every = world.root / "second-one", world.root / "second-every"
    code = changes.one_mission(world, one)
    changes.everywhere(world, every)
    return {
        "one mission": (f"one mission changed ({code})", one),
        "everywhere": ("1 % of the rows of every export changed", every),
    }


def _say(world: World, what: str, night: Night) -> None:
    say(f"{world.cases:,} cases, {what}: {night.run.seconds:.1f} s, {night.run.memory:,.0f} MB")


def _share(world: World, what: str, night: date) -> str:
    """How many of the cases changed, as history says."""
    with connect(world.settings()) as warehouse:
        found = warehouse.execute(
            "select (select count(distinct case_key) from history.case_change where night = ? and change = 'changed')"
            " / (select count(*) from core.fct_case)",
            [night],
        ).fetchone()
    share = float(found[0]) if found else 0.0
    return f"{world.cases:,} cases, {what}: {share:.1%} of the published cases changed."


def _note(part: Part, world: World) -> None:
    """dbt's models of the full night that has just ended."""
    part.models[str(world.cases)] = {n: round(s, 2) for n, s in world.models().items()}


def _steps(nights: list[Night]) -> dict[str, float]:
    """Of the night in the middle, so that its steps add up."""
    ordered = sorted(nights, key=lambda night: night.run.seconds)
    steps = ordered[(len(ordered) - 1) // 2].steps
    return {step: steps[step] for step in STEPS}


def _figure(world: World, what: str, series: Series) -> Figure:
    return Figure.of(Series(f"{world.cases:,} cases: {what}", "counterflow nightly", series.runs))
