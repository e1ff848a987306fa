"""`make chaos`: kill the real steps at points chosen by a seed, and print what came of it.

    python -m tests.chaos.run --kills 60 --seed 7 --workers 2

Ends with 1 if anything was wrong: a hash that differs, a row lost, an orphan, a lock, a reader who could not read.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.chaos.trials import STEPS, Ground, Step, Trial

# Steps by how often they come in a round, and where two kills in one trial follow each other.
_WEIGHTS = {"build": 3, "publish": 2, "erase": 2, "rotate": 3, "release": 2}


def rounds(dice: random.Random) -> Iterator[tuple[Step, str]]:
    """Steps and stages, all of them before any comes again."""
    found = [(one, stage) for one in STEPS for stage in one.stages or (one.name,)]
    weighed = [pair for pair in found for _ in range(_WEIGHTS.get(pair[1], 1))]
    while True:
        dice.shuffle(weighed)
        yield from weighed


def work(ground: Ground, number: int, workers: int, kills: int, seed: int, tell: int) -> None:
    """Trials of one worker until its share of kills is done; each is told as a line."""
    dice = random.Random(f"{seed}/{number}")
    share = kills // workers + (number < kills % workers)
    done = 0
    for one, stage in rounds(dice):
        if done >= share:
            break
        points = ground.points(one, stage, ("change", "time"), dice)
        times = 2 if dice.random() < 0.25 else 1
        chosen = list(itertools.islice(points, times))
        trial = ground.trial(one, stage, chosen, f"worker{number}-{done}")
        done += len(trial.points)
        os.write(tell, (json.dumps(asdict(trial)) + "\n").encode())


def main() -> int:
    """Parse the arguments, run the workers, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="counterflow-chaos-") as folder:
        with contextlib.redirect_stdout(sys.stderr):  # Great Expectations greets
            ground = Ground(Path(folder))
        print(f"homes made in {time.monotonic() - started:.0f} s", flush=True)
        told, tell = os.pipe()
        children = []
        for number in range(chosen.workers):
            if (pid := os.fork()) == 0:
                try:
                    work(ground, number, chosen.workers, chosen.kills, chosen.seed, tell)
                except BaseException:  # noqa: BLE001 - the process ends here
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            children.append(pid)
        os.close(tell)
        trials = []
        with os.fdopen(told) as file:
            for line in file:
                trial = Trial(**json.loads(line))
                trials.append(trial)
                fine = "as if nothing had happened" if not trial.wrong else "WRONG"
                print(
                    f"{trial.step}: {' then '.join(trial.points) or 'not hit'}: {fine}", flush=True
                )
                for problem in trial.wrong:
                    print(f"    {problem}", flush=True)
        failed = [pid for pid in children if os.waitpid(pid, 0)[1]]
    return conclude(trials, chosen.kills, time.monotonic() - started) or bool(failed)


def conclude(trials: list[Trial], kills: int, seconds: float) -> int:
    """The table, and whether all is well."""
    rows: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.points:
            rows[(trial.step, trial.stage)].append(trial)
    print(
        "\n| step | killed in | kills | before a change | by time | ended by the next run | hashes equal |"
    )
    print("|---|---|---|---|---|---|---|")
    order = {one.name: place for place, one in enumerate(STEPS)}
    for (name, stage), found in sorted(rows.items(), key=lambda row: (order[row[0][0]], row[0][1])):
        kinds = [kind for trial in found for kind in trial.kinds]
        ended = sum(not trial.wrong for trial in found)
        equal = sum(trial.hashes_equal for trial in found)
        print(
            f"| {name} | {stage} | {len(kinds)} | {kinds.count('change')} | {kinds.count('time')} "
            f"| {ended} of {len(found)} | {equal} of {len(found)} |"
        )
    hit = [trial for trial in trials if trial.points]
    total = sum(len(trial.points) for trial in hit)
    wrong = sum(bool(trial.wrong) for trial in trials)
    lost = sum(trial.rows_lost for trial in trials)
    print(
        f"\n{total} kills in {len(hit)} runs; hashes equal in {sum(t.hashes_equal for t in hit)} of {len(hit)}; "
        f"rows lost: {lost}; something wrong in {wrong}; the warehouse was opened "
        f"{sum(t.opened for t in trials)} times meanwhile; {seconds:.0f} s"
    )
    return (
        0 if total >= kills and not wrong and not lost and all(t.hashes_equal for t in hit) else 1
    )


if __name__ == "__main__":
    sys.exit(main())
