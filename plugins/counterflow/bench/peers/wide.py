"""The same cases as one wide CSV a mission: the files that peers load.

In: the generator's jobs. Out: `<MISSION>.csv`, all in UTF-8 with the same header of one row: the columns of the
standard's template (HTCDS 2.0, about 50), personal ones included, lists in one cell, as most systems export them.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from counterflow.synthetic import Job, forms
from counterflow.synthetic.deliver import write
from counterflow.synthetic.forms.base import Form, Variation

FORM = "htcds_xlsx"


def files(folder: Path, jobs: list[Job]) -> list[Path]:
    """Write the files of all missions, in processes side by side."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    largest_first = sorted(jobs, key=lambda job: -job.size)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        return sorted(pool.map(_one, [folder] * len(jobs), largest_first))


def _one(folder: Path, job: Job) -> Path:
    mission = replace(job.mission, form=FORM, encoding="utf-8", variation=Variation())
    path = folder / f"{mission.code}.csv"
    write(replace(job, mission=mission), flat(forms.build(mission)), 1, path, None)
    return path


def flat(form: Form) -> Form:
    """The template as a plain table: without its printed numbers and its technical names."""
    columns = [
        replace(column, header=column.header.strip(), technical="")
        for column in form.sources["case"]
        if column.header
    ]
    return replace(form, kind="csv", pre_numbered=0, sources={**form.sources, "case": columns})
