"""`make cluster`: a night of 72 missions over a cluster on this machine, one of whose workers is killed.

The missions' servers are OpenSSH, an S3 server and nginx with TLS, a third of the missions each; what they send is locked
with OpenPGP, age, AES in a zip or a workbook's password, each mission with a key of its own, and a few send it plain.
The cluster is what docker-compose.yml says, on Debian's PostgreSQL and Redis. A worker is killed with all that
it started, while it ingests or while it runs dbt. Printed: each step, how long it took, and whether every
content hash is that of a laptop's night of the same exports without locks, from a folder and in one process.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterflow import sealing
from counterflow.local import run_night
from counterflow.orchestration.config import DAG_ID
from counterflow.settings import Settings
from counterflow.synthetic import generate
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest
from tests.cluster.agency import locked, served
from tests.cluster.running import Cluster, cluster
from tests.support import NIGHT

# What an export is locked with changes its bytes; these columns say which bytes were read, and nothing else does.
BYTES = {"quality.load": "export_sha256", "history.night": "landing_sha256"}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the night was published and its facts are the laptop's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missions", type=int, default=72)
    parser.add_argument("--cases", type=int, default=16000)
    parser.add_argument(
        "--kill", choices=("transform", "ingest", "none"), default="transform",
        help="in the middle of what a worker is killed",
    )  # fmt: skip
    parser.add_argument("--concurrency", type=int, default=2, help="tasks of one worker at once")
    parser.add_argument(
        "--patience", type=int, default=30, help="seconds after which a silent task is lost"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="counterflow-cluster-") as folder:
        return show(Path(folder), options)


def show(root: Path, options: argparse.Namespace) -> int:
    """Make exports, a cluster's night and a laptop's, and compare them."""
    root.chmod(0o755)
    generate(root, options.missions, options.cases, 7, 1, NIGHT)
    laptop = replace(
        Settings.from_env(), home=root / "laptop", exports=root / "exports", connections="none",
        store=None, warehouse_shape="file", key_source="files",
    )  # fmt: skip
    missions = sorted(path.name for path in (root / "exports").iterdir())
    field = locked(root / "field", root / "exports", missions)
    print(field.said(), flush=True)
    (root / "nothing").mkdir()
    agency = replace(laptop, exports=root / "nothing", missions=field.missions)
    with (
        served(field) as known,
        cluster(
            root / "cluster", agency, concurrency=options.concurrency, connections=known,
            variables=field.variables(), patience=options.patience,
        ) as running,
    ):  # fmt: skip
        state = a_night(running, missions, options.kill)
        (left, *_) = (name for name in running.running if name.startswith("worker"))
        stored = running.stored()
    print(f"{stored[0]} objects, {stored[1] / 1e6:.1f} MB in the store")
    began = time.monotonic()
    report = run_night(laptop, NIGHT, missions, quiet=True)
    print(
        f"laptop: {time.monotonic() - began:.1f} s, {dict(Counter(one.status for one in report.lines))}"
    )
    theirs = running.worker_settings(left)
    shutil.copytree(
        laptop.keys, theirs.keys, dirs_exist_ok=True
    )  # the cluster's are in its secrets
    different = compared(laptop, theirs)
    tables = len(_manifest(laptop).tables)
    rows = _manifest(laptop).tables["core.fct_case"][0]
    print(
        f"{rows} cases; {tables - len(different)} of {tables} tables the same", *different, sep="\n"
    )
    return 0 if state == "success" and not different else 1


def a_night(running: Cluster, missions: Sequence[str], kill: str) -> str:
    """Trigger it, kill a worker in the middle of a step, follow it to its end; the state of the run."""
    api = running.api()
    began = time.monotonic()
    run = api.trigger(DAG_ID, {"night": str(NIGHT), "missions": list(missions)})
    if kill != "none":
        if kill == "transform":
            lost = running.worker_that("build/warehouse.duckdb", 1800)  # dbt has it open
        else:
            running.worker_that("landing/*/exports/[!.]*", 600, at_least=len(missions) // 3)
            lost = running.worker_that("landing/*/exports/.*", 600)  # half an export is written
        running.kill(lost)
        print(
            f"{time.monotonic() - began:6.1f} s  {lost} killed in the middle of {kill}", flush=True
        )
    state, tries, last = "", Counter[int](), 0.0
    for change in api.follow(DAG_ID, run):
        at = time.monotonic() - began
        if "task_id" not in change:
            state = str(change["state"])
        elif change["task_id"] == "ingest" and change["state"] in ("success", "failed"):
            tries[int(change["try_number"])] += 1
            last = at
        elif change["state"] in ("success", "failed", "up_for_retry"):
            told = f"{change['task_id']:<10} {change['state']}, try {change['try_number']}"
            print(f"{at:6.1f} s  {told}", flush=True)
    said = ", ".join(f"{count} in try {number}" for number, count in sorted(tries.items()))
    print(f"{last:6.1f} s  ingest     the last of {said}")
    print(f"cluster: {state} in {time.monotonic() - began:.1f} s")
    if state != "success":
        print(running.tasks_said())
    return state


def compared(ours: Settings, theirs: Settings) -> list[str]:
    """The published tables that differ, one line each."""
    mine, other = _manifest(ours).tables, _manifest(theirs).tables
    lines = [f"{name}: not in both" for name in sorted(mine.keys() ^ other.keys())]
    for name in sorted(mine.keys() & other.keys()):
        if mine[name] != other[name] and (name not in BYTES or _differs(name, ours, theirs)):
            lines.append(f"{name}: {mine[name][0]} rows and {other[name][0]}, other hashes")
    return lines


def _differs(table: str, *homes: Settings) -> bool:
    """Whether a table differs in more than its column of the bytes."""
    rows: list[Any] = []
    for settings in homes:
        with closing(sealing.published(settings.warehouse / "warehouse.duckdb", settings)) as one:
            rows.append(
                one.execute(
                    f"select * exclude ({BYTES[table]}) from {table} order by all"
                ).fetchall()
            )
    return bool(rows[0] != rows[1])


def _manifest(settings: Settings) -> Build:
    made = read_manifest(settings.warehouse / MANIFEST)
    assert made is not None, f"nothing is published in {settings.warehouse}"
    return made


if __name__ == "__main__":
    sys.exit(main())
