"""A second night on which about one case in a hundred changed, in two ways that cost differently.

In: a world and what changes. Out: a folder of exports of the second night. Either one mission of about a hundredth of the cases
worked on all of them and the others sent the same bytes again (`one_mission`), or every mission worked on
a hundredth of its cases, so that every export has new bytes (`everywhere`).
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

from counterflow.bench.world import NIGHT, SECOND, World
from counterflow.synthetic import Job, forms
from counterflow.synthetic.deliver import write
from counterflow.synthetic.model import Case

SHARE = 0.01


def one_mission(world: World, folder: Path, night: date = SECOND) -> str:
    """The exports of a night on which one mission changed all of its cases, every second night back again; the mission."""
    shutil.rmtree(folder, ignore_errors=True)
    jobs = world.jobs()
    chosen = min(jobs, key=lambda job: abs(job.size - SHARE * world.cases))
    for job in jobs:
        if job is not chosen:
            _same(world.exports, folder, job, night)
    if (night - NIGHT).days % 2:
        _changed(folder, 1, chosen, night)
    else:
        _same(world.exports, folder, chosen, night)
    return chosen.mission.code


def everywhere(world: World, folder: Path) -> None:
    """The exports of a night on which every mission changed one case in a hundred."""
    shutil.rmtree(folder, ignore_errors=True)
    jobs = sorted(world.jobs(), key=lambda job: -job.size)
    change = functools.partial(_changed, folder, round(1 / SHARE))
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        for _ in pool.map(change, jobs):
            pass


def _same(exports: Path, folder: Path, job: Job, night: date) -> None:
    """The first night's bytes under another night's name."""
    form = forms.for_rows(forms.build(job.mission), job.size)
    path = folder / job.mission.code / night.strftime(form.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(exports / job.mission.code / NIGHT.strftime(form.path), path)


def _changed(folder: Path, every: int, job: Job, night: date = SECOND) -> None:
    """The mission's export with another answer in every `every`-th case."""
    form = forms.for_rows(forms.build(job.mission), job.size)
    path = folder / job.mission.code / night.strftime(form.path)
    write(job, form, 1, path, None, change=_answering(every))


def _answering(every: int) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        if case.index % every == 0:
            case.status = "closed" if case.status != "closed" else "follow_up"

    return change
