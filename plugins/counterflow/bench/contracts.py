"""The contracts of missions as large as a bench makes them.

In: the generator's jobs. Out: a folder of contracts, those of this repository. Where a mission is larger than
any has been, its contract allows a larger export, as its steward would agree with the mission; and where the
workbook became too long, so that a CSV is sent (`forms.for_rows`), it says so.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from counterflow.settings import PROJECT
from counterflow.synthetic import Job, forms

LARGE = 100_000  # cases, above which the limits of a contract are raised
# What a case may take of each limit: a little more than the wordiest of the exports, which is JSON, comes to.
_A_CASE = {"packed": 4_000, "unpacked": 4_000, "rows": 10}
_MEMORY, _SECONDS = 6_000_000_000, 7_200
_NIGHT = re.compile("(%[^/.]*%[A-Za-z])")


def write(folder: Path, jobs: Iterable[Job]) -> None:
    """Write the contracts of these missions, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PROJECT / "dags" / "missions", folder)
    for job in jobs:
        if said := _said(job):
            path = folder / f"{job.mission.code}.yml"
            text = path.read_text("utf-8")
            if text.count("\nsource:\n") != 1:
                raise ValueError(f"{path.name} has no block `source`")
            path.write_text(text.replace("\nsource:\n", f"\nsource:\n{said}"), "utf-8")


def _said(job: Job) -> str:
    """Lines for the contract's `source`."""
    form = forms.build(job.mission)
    sent = forms.for_rows(form, job.size)
    lines = []
    if sent.kind != form.kind:
        at = _NIGHT.sub(r"{night:\1}", sent.path)
        lines += ["  format: csv", f'  path: "{at}"', f'  delimiter: "{sent.delimiter}"']
        lines += [f"  encoding: {sent.mission.encoding}"]
    if job.size > LARGE:
        limits = {name: each * job.size for name, each in _A_CASE.items()}
        limits |= {"memory": _MEMORY, "seconds": _SECONDS}
        lines += ["  limits:", *(f"    {name}: {most}" for name, most in limits.items())]
    return "".join(f"{line}\n" for line in lines)
