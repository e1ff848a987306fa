"""Five nights with two bad missions, as a real home: what the pictures of the docs are made of.

    python -m tests.pages.nights FOLDER

In: an empty folder. Out: a home in it, whose last night has a mission without a readable export and one with half of its rows.
"""

from __future__ import annotations

import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

from counterflow.local import run_night
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import generate

FIRST = date(2010, 11, 25)
NIGHTS = 5
MISSIONS, CASES = 14, 1400
BAD = ("BLR", "UKR")  # on night 4 an error page and half of the rows; here on night 5 as well


def make(folder: Path) -> Settings:
    """Generate, then load night after night; pages are built with the last."""
    generate(folder, MISSIONS, CASES, 23, NIGHTS, FIRST)
    missions = folder / "missions"
    source = PROJECT / "dags" / "missions"
    shutil.copytree(source, missions, ignore=shutil.ignore_patterns("[A-Z][A-Z][A-Z].yml"))
    for mission in (folder / "exports").iterdir():
        shutil.copy(source / f"{mission.name}.yml", missions)
    for mission in BAD:
        _again(folder / "exports" / mission)
    settings = Settings(folder, folder / "exports", missions)
    for number in range(NIGHTS):
        report = run_night(settings, FIRST + timedelta(days=number), quiet=True)
        print(report.text)
    return settings


def _again(exports: Path) -> None:
    """The export of night 4 once more on night 5."""
    stamps = [f"{FIRST + timedelta(days=number):%Y%m%d}" for number in (3, 4)]
    for path in sorted(exports.rglob(f"*{stamps[0]}*")):
        shutil.copy(path, path.with_name(path.name.replace(*stamps)))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
