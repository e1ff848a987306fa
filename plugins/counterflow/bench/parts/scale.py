"""Target 3: how a night grows with its cases, and what one costs on which a hundredth of them changed.

`measure` is of the small and the middle size; `large` of 1.6 million cases, and `huge` of 16 million once.
Each night begins with an empty home, or with a copy of the home as the first night left it.
"""

from __future__ import annotations

import shutil

from counterflow.bench import changes
from counterflow.bench.measuring import Series, say
from counterflow.bench.options import Options
from counterflow.bench.results import Figure, Part
from counterflow.bench.world import SECOND, STEPS, Night, World
from counterflow.shell import connect

AFTER = "after-first"  # the home as a first night left it


def measure(options: Options) -> Part:
    """Full and changed nights of the two smaller sizes."""
    part = Part("scale")
    for size in (0, 1):
        _size(options, options.world(size), part)
    return part


def large(options: Options) -> Part:
    """Full and changed nights of the large size, and how it grew from the middle one, in one run."""
    middle, world = options.world(1), options.world(2)
    part = Part("large")
    before = _size(options, middle, Part("aside"), changed=False)
    full = _size(options, world, part)
    part.figures.insert(0, _figure(middle, "a night", before))
    part.values["growth"] = full.seconds / before.seconds
    part.values["seconds"] = full.seconds
    part.values["memory"] = full.memory
    return part


def huge(options: Options) -> Part:
    """One first night of the huge size."""
    world = options.world(3)
    world.empty()
    found = world.night()
    part = Part("huge")
    _note(part, world, [found])
    whole = Series("", "", [found.run])
    part.figures.append(_figure(world, "a night", whole))
    part.values = {"seconds": whole.seconds, "memory": whole.memory}
    return part


def _size(options: Options, world: World, part: Part, changed: bool = True) -> Series:
    """Full nights of a world, and the nights after one; the full ones."""
    nights: list[Night] = []
    while not nights or len(nights) < options.times(nights[0].run.seconds):
        world.empty()
        nights.append(world.night())
        say(
            f"{world.cases:,} cases: {nights[-1].run.seconds:.1f} s, {nights[-1].run.memory:.0f} MB"
        )
    full = Series("", "", [night.run for night in nights])
    _note(part, world, nights)
    part.figures.append(_figure(world, "a night", full))
    if changed:
        world.keep(AFTER)
        _changed(options, world, part, full)
        shutil.rmtree(world.root / AFTER)
    return full


def _changed(options: Options, world: World, part: Part, full: Series) -> None:
    folder = world.root / "second"
    code = changes.one_mission(world, folder)
    _again(options, world, part, full, f"one mission changed ({code})", "one mission")
    changes.everywhere(world, folder)
    _again(options, world, part, full, "1 % of the rows of every export changed", "everywhere")
    shutil.rmtree(folder)


def _again(options: Options, world: World, part: Part, full: Series, what: str, short: str) -> None:
    """Nights after the first, each from the same state."""
    nights: list[Night] = []
    while not nights or len(nights) < options.times(nights[0].run.seconds):
        world.back(AFTER)
        nights.append(world.night(SECOND, exports=world.root / "second"))
        say(f"{world.cases:,} cases, {what}: {nights[-1].run.seconds:.1f} s")
    found = Series("", "", [night.run for night in nights])
    part.figures.append(_figure(world, f"the night after, {what}", found))
    name = f"{world.cases}: {short} ÷ full"
    part.values[name] = found.seconds / full.seconds
    part.ratios.append(name)
    part.notes.append(
        f"{world.cases:,} cases, {what}: {_changes(world):.1%} of the published cases changed."
    )
    part.nights[f"{world.cases}, {short}"] = _steps(nights)


def _changes(world: World) -> float:
    """Share of cases that history says changed on the second night."""
    with connect(world.settings()) as warehouse:
        found = warehouse.execute(
            "select (select count(distinct case_key) from history.case_change where night = ? and change = 'changed')"
            " / (select count(*) from core.fct_case)",
            [SECOND],
        ).fetchone()
    return float(found[0]) if found else 0.0


def _note(part: Part, world: World, nights: list[Night]) -> None:
    part.nights[str(world.cases)] = _steps(nights)
    part.models[str(world.cases)] = {n: round(s, 2) for n, s in world.models().items()}


def _steps(nights: list[Night]) -> dict[str, float]:
    """Of the night in the middle, so that its steps add up."""
    ordered = sorted(nights, key=lambda night: night.run.seconds)
    steps = ordered[(len(ordered) - 1) // 2].steps
    return {step: steps[step] for step in STEPS}


def _figure(world: World, what: str, series: Series) -> Figure:
    return Figure.of(Series(f"{world.cases:,} cases: {what}", "counterflow nightly", series.runs))
