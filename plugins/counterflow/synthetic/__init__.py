"""Synthetic missions: a seed in, the exports of 72 missions and the truth about them out.

`generate` writes `exports/<MISSION>/…` as missions would send them, with the defects that really
occur, and `truth/<night>/…`: what the warehouse must hold after them. It imports nothing else of
Counterflow and shares no code list with it, so that the two can be compared.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from counterflow.synthetic import people, planting
from counterflow.synthetic.deliver import Delivered, Job, deliver
from counterflow.synthetic.missions import MISSIONS, sizes

__all__ = ["Job", "Summary", "generate", "plan"]

Progress = Callable[[str, int, int], None]
WORTH_PROCESSES = 1500  # cases; below, starting processes takes longer than the work
ASIDE = ".generating"
FIRST_NIGHT = date(2010, 11, 25)


@dataclass(slots=True)
class Summary:
    """What was generated."""

    out: Path
    missions: int
    cases: int
    nights: list[date]
    seconds: float
    statuses: dict[str, dict[str, int]] = field(default_factory=dict)  # night → status → missions


def generate(
    out: Path,
    missions: int = 72,
    cases: int = 16000,
    seed: int = 7,
    nights: int = 1,
    first_night: date = FIRST_NIGHT,
    progress: Progress | None = None,
    shuffle: int | None = None,
) -> Summary:
    """Write exports and truth under `out`, in place of what an earlier run left there.

    `shuffle` is a seed: columns, rows and missions are then written in another order, while the
    truth stays the same but for the places of rows. `progress` is called with a mission's code, the number of missions done, and of all.
    """
    if not 1 <= missions <= len(MISSIONS):
        raise ValueError(f"missions must be between 1 and {len(MISSIONS)}, not {missions}")
    if cases < missions or nights < 1:
        raise ValueError("every mission needs a case, and there must be a night")
    started = time.perf_counter()
    # Made aside and put in place at the end: whoever reads the last world sees it whole.
    aside = out / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    jobs = plan(aside, missions, cases, seed, nights, first_night, shuffle)
    if shuffle is not None:
        people.stream(shuffle, "missions").shuffle(jobs)
    delivered: dict[str, Delivered] = {}
    for done in _work(jobs, cases * nights):
        delivered[done.mission] = done
        if progress:
            progress(done.mission, len(delivered), len(jobs))
    days = [first_night + timedelta(days=n) for n in range(nights)]
    summary = Summary(out, missions, cases, days, 0.0)
    for number, night in enumerate(days):
        states = [(job.mission.code, *delivered[job.mission.code].statuses[number]) for job in jobs]
        _files(aside / "truth" / night.isoformat(), states)
        counts = summary.statuses.setdefault(night.isoformat(), {})
        for _, status, _ in states:
            counts[status] = counts.get(status, 0) + 1
    for name in ("exports", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
        (aside / name).rename(out / name)
    aside.rmdir()
    summary.seconds = time.perf_counter() - started
    return summary


def plan(
    out: Path,
    missions: int,
    cases: int,
    seed: int,
    nights: int = 1,
    first_night: date = FIRST_NIGHT,
    shuffle: int | None = None,
) -> list[Job]:
    """One job a mission, in the order of the missions; each can be done alone."""
    shares = sizes(missions, cases)
    planted = planting.plan(shares, seed)
    return [
        Job(out, mission, size, seed, nights, first_night, planted.get(mission.code, {}), shuffle)
        for mission, size in shares
    ]


def _files(folder: Path, states: list[tuple[str, str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "files.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["mission_code", "status", "reason"])
        writer.writerows(sorted(states))


def _work(jobs: list[Job], cases: int) -> Iterator[Delivered]:
    """Deliver every job; in processes of their own where that pays, then the largest first."""
    workers = min(os.cpu_count() or 1, len(jobs))
    if cases < WORTH_PROCESSES or workers < 2 or not _can_spawn():
        yield from map(deliver, jobs)
        return
    # Spawned, not forked: a fork would copy the locks of whatever threads the caller has.
    context = multiprocessing.get_context("spawn")
    if jobs[0].shuffle is None:
        jobs = sorted(jobs, key=lambda job: -job.size)
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(deliver, job) for job in jobs]):
            yield future.result()


def _can_spawn() -> bool:
    """Whether a new process can import the program it was started from (not from stdin)."""
    main = sys.modules.get("__main__")
    if multiprocessing.current_process().daemon:
        return False
    path = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or path is None or Path(path).exists()
