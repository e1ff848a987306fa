"""Trials: a home, a step that is killed in it, the run that follows, and what is wrong afterwards.

`Ground` makes the homes to start from and, without any kill, what each step ends with. A trial copies a home, kills
the step once or several times, runs it to its end, lets maintenance sweep and compares.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from counterflow import keys
from counterflow.settings import Settings
from tests.chaos import checking, killing
from tests.chaos.killing import Call, Point
from tests.chaos.world import ERASED, SECOND, World, make
from tests.support import NIGHT

NEXT = "5a" * 32  # the master key after a rotation, so that two rotations can be compared
OF_A_NIGHT = ("plan", "ingest", "fetch", "read", "land", "validate", "build", "gates", "publish")
MUCH_LATER = SECOND + timedelta(days=200)


@dataclass(frozen=True)
class Step:
    """Something that is killed: from which home it starts, what it does, in whose end it is compared."""

    name: str
    before: str
    act: Callable[[Settings], Any]
    after: str
    stages: tuple[str, ...] = ()  # none: the whole of it is one


def night(settings: Settings, one: date) -> Any:
    """A night as the command line runs it; one process, so that a point is the same in every run."""
    from counterflow.local import run_night

    report = run_night(replace(settings, workers=1), one, quiet=True)
    if not report.is_published:
        raise AssertionError(report.text)
    return report.statuses


def release(settings: Settings) -> Any:
    """A release, or what a killed one had still to do."""
    from counterflow.release import building, deciding, ledger, places
    from tests.release.world import small

    if places.released(settings.releases):
        with places.locked(
            settings
        ) as releases:  # as any later command does: puts right what is left
            return places.released(releases)
    with places.locked(settings) as releases:
        if places.released(releases):
            return places.released(releases)
        number = places.pending(releases)
        found = [e for e in ledger.of(releases, number or "") if e["event"] == "candidate"]
    if number is None or not found:
        built = building.build(settings, small(floor_cases=110))
        number, digest = built.number, built.digest
    else:
        digest = found[-1]["digest"]
    return deciding.approve(settings, number, digest, "desk")


def erase(settings: Settings) -> Any:
    """A person's erasure, as it is asked for again if it was killed."""
    from counterflow import erasure

    receipt = erasure.erase(settings, "ALB", [ERASED], SECOND)
    found = erasure.check(settings, "ALB", [ERASED]).found
    assert receipt.status == "finished", receipt.status
    assert not found, found
    return receipt.status


def rotate(settings: Settings) -> Any:
    """A rotation to a key that is known."""
    from counterflow.rotation import rotate as to_the_end

    path = settings.keys / keys.NEXT
    if not path.exists() and (settings.keys / keys.MASTER).read_text().strip() != NEXT:
        if not (settings.keys / keys.RETIRED).exists():
            path.write_text(NEXT)
            path.chmod(0o600)
    elif not path.exists() and not (settings.keys / keys.RETIRED).exists():
        return "done"  # it was killed after its last change
    return to_the_end(settings).new


def sweep(settings: Settings, day: date = SECOND) -> Any:
    """Maintenance."""
    from counterflow.retention import enforce

    return [str(one) for one in enforce(settings, day)]


STEPS = (
    Step("first night", "begun", lambda s: night(s, NIGHT), "one", OF_A_NIGHT),
    Step("night", "one", lambda s: night(s, SECOND), "two", OF_A_NIGHT),
    Step("release", "two", release, "released"),
    Step("erase", "released", erase, "erased"),
    Step("rotate", "released", rotate, "rotated"),
    Step("maintenance", "released", lambda s: sweep(s, MUCH_LATER), "swept"),
)


@dataclass
class Trial:
    """What became of one."""

    step: str
    stage: str
    points: list[str] = field(default_factory=list)  # at which it was really killed
    kinds: list[str] = field(default_factory=list)  # change or time
    wrong: list[str] = field(default_factory=list)
    hashes_equal: bool = False
    rows_lost: int = 0
    opened: int = 0  # how often the analyst did


class Ground:
    """The homes to start from, what uninterrupted runs make of them, and how long their stages take."""

    def __init__(self, root: Path, steps: Sequence[Step] = STEPS) -> None:
        killing.preload()
        self.world: World = make(root)
        killing.parse(self.world.home("parsed"))
        self.world.drop("parsed")
        begun = self.world.home("begun")
        keys.init(begun.keys)
        self.calls: dict[str, list[Call]] = {}
        self.expected: dict[str, dict[str, Any]] = {}
        for step in steps:
            settings = self.world.copy(step.before, step.after)
            ended = self.ended(step, settings)
            assert not ended.error, ended.error + ended.output[-3000:]
            self.calls[step.name] = ended.calls
            if step.after != "rotated":  # it is compared as it is
                self.must(lambda s=settings: sweep(s))  # type: ignore[misc]
            self.expected[step.after] = self.must(lambda s=settings: checking.state(s))  # type: ignore[misc]

    def must(self, action: Callable[[], Any]) -> Any:
        """What a child says that nobody kills."""
        ended = killing.run(action, log=self.world.root / "log")
        assert not ended.error, ended.error + ended.output[-3000:]
        return ended.result

    def ended(self, step: Step, settings: Settings, point: Point | None = None) -> killing.Ended:
        """Run a step, killed at `point`."""
        log = settings.home.parent / "log"
        whole = None if step.stages else step.name
        return killing.run(lambda: step.act(settings), point, whole, log)

    def points(
        self, step: Step, stage: str, kinds: Sequence[str], dice: random.Random
    ) -> Iterator[Point]:
        """Points of a stage, drawn by the dice, of the kinds that hit anything in it."""
        calls = [call for call in self.calls[step.name] if call.stage == stage]
        while True:
            number = dice.randrange(len(calls))
            call = calls[number]
            kind = dice.choice(kinds) if call.seconds > 0.05 else "change"
            if kind == "change" and call.events:
                yield Point(stage, number + 1, event=dice.randint(1, call.events))
            else:
                yield Point(stage, number + 1, seconds=0.9 * call.seconds * dice.random())

    def trial(
        self,
        step: Step,
        stage: str,
        points: Sequence[Point],
        name: str = "trial",
        resumed: Callable[[Settings], Any] | None = None,
    ) -> Trial:
        """Kill the step at each of the points in turn, then let it end; what is wrong afterwards.

        `resumed`: what is killed at the last of several points, in place of the whole step.
        """
        done = Trial(step.name, stage)
        settings = self.world.copy(step.before, name)
        looked: dict[str, Any] = {"opened": 0, "failed": [], "seen": []}
        if step.before == "begun":
            self._kill_and_end(step, settings, points, done, resumed)
        else:
            with checking.reader(settings, looked):
                self._kill_and_end(step, settings, points, done, resumed)
        done.opened = looked["opened"]
        done.wrong += [f"analyst: {error}" for error in looked["failed"]]
        expected = self.expected[step.after]
        if step.name != "rotate":
            self._add(done, lambda: sweep(settings))
        self._add(done, lambda: checking.wrong(settings, expected), lambda found: found)
        state = killing.run(lambda: checking.state(settings))
        if state.result:
            done.hashes_equal = all(
                state.result[part] == expected[part] for part in ("tables", "promised")
            )
            done.rows_lost = checking.lost(expected["load"], state.result["load"])
        if not done.wrong:
            self.world.drop(name)
        return done

    def _kill_and_end(
        self,
        step: Step,
        settings: Settings,
        points: Sequence[Point],
        done: Trial,
        resumed: Callable[[Settings], Any] | None,
    ) -> None:
        for place, point in enumerate(points, start=1):
            other = resumed if place == len(points) else None
            ended = self.ended(replace(step, act=other) if other else step, settings, point)
            if ended.killed:
                done.points.append(str(point))
                done.kinds.append("change" if point.event else "time")
            elif ended.error:
                done.wrong.append(f"not killed at {point}: {ended.error}")
        ended = self.ended(step, settings)
        if ended.error:
            done.wrong.append(f"the run after it: {ended.error}")
            done.wrong += ended.output.splitlines()[-15:]

    def _add(
        self,
        done: Trial,
        action: Callable[[], Any],
        of: Callable[[Any], list[str]] = lambda _: [],
    ) -> None:
        ended = killing.run(action)
        done.wrong += [ended.error] if ended.error else of(ended.result)


def step(name: str) -> Step:
    """A step by its name."""
    return next(one for one in STEPS if one.name == name)


def plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value, default=str))
